//! The face for clients.

use std::sync::Arc;

use gossamer_proto::limits::{MESSAGE_BYTES, QUEUE_BYTES};
use gossamer_proto::v1::door_server::{Door, DoorServer};
use gossamer_proto::v1::{self, Answer, Code, DescribeRequest, Description, Failure, Request};
use tokio::time::{Duration, Instant};
use tonic::{Response, Status, Streaming};

use crate::outbox::OutboxStream;
use crate::queue::{ClientId, Queue, Submission};
use crate::server::Server;

/// No task waits longer, whatever its client says.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

const _: () = assert!(MESSAGE_BYTES < QUEUE_BYTES);

/// See the module.
pub(crate) struct ClientDoor(pub(crate) Arc<Server>);

impl ClientDoor {
    pub(crate) fn service(server: Arc<Server>) -> DoorServer<Self> {
        DoorServer::new(ClientDoor(server))
            .max_decoding_message_size(MESSAGE_BYTES)
            .max_encoding_message_size(MESSAGE_BYTES)
    }
}

#[tonic::async_trait]
impl Door for ClientDoor {
    type SubmitStream = OutboxStream<Answer>;

    async fn describe(
        &self,
        request: tonic::Request<DescribeRequest>,
    ) -> Result<Response<Description>, Status> {
        self.0.check_target(request.metadata())?;
        Ok(Response::new(self.0.describe()))
    }

    async fn submit(
        &self,
        request: tonic::Request<Streaming<Request>>,
    ) -> Result<Response<Self::SubmitStream>, Status> {
        self.0.check_target(request.metadata())?;
        let ended = self.0.shutdown.child_token();
        let (client, answers) = self.0.desk.client(ended.clone());
        let (server, mut requests) = (self.0.clone(), request.into_inner());
        tokio::spawn(async move {
            while let Some(Ok(Some(request))) = ended.run_until_cancelled(requests.message()).await {
                take(&server, client, request);
            }
            server.desk.client_gone(client);
        });
        Ok(Response::new(answers))
    }
}

fn take(server: &Server, client: ClientId, request: Request) {
    if request.cancel {
        return server.desk.cancel(client, request.id);
    }
    let queue = match request.queue() {
        v1::Queue::LeaderQueue => Queue::Leader,
        v1::Queue::ReadQueue => Queue::Read,
        v1::Queue::Unspecified => {
            return server.desk.reject(
                client,
                request.id,
                Failure::new(Code::Invalid, "a task for no queue"),
            );
        }
    };
    let deadline = Instant::now() + Duration::from_millis(request.time_left_ms).min(LONGEST_WAIT);
    let (request, task, exclude) = (request.id, request.task, request.exclude);
    server.desk.submit(client, Submission { request, queue, task, deadline, exclude });
}
