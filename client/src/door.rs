//! The `Submit` streams: one per queue server. Requests go to the first live one and stay with it until it breaks.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use gossamer_proto::channel::{Channels, ConnectError, Target};
use gossamer_proto::limits::{CONNECT, MESSAGE_BYTES, PROPOSE, RPC};
use gossamer_proto::v1::door_client::DoorClient;
use gossamer_proto::v1::{Answer, Code, Failure, Queue, Request};
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;

/// Requests waiting for the socket, each at most 64 KiB and a head.
const REQUESTS: usize = 64;

/// See [`Door::turn`]; longer than a leader waits for a proposal, so that its own word comes first.
const TURN: Duration = Duration::from_secs(12);

const _: () = assert!(TURN.as_millis() > PROPOSE.as_millis());

/// A channel on which every call says for which cluster it is meant.
type Marked = InterceptedService<Channel, Target>;

/// The queue servers.
pub(crate) struct Door {
    channels: Channels,
    servers: Vec<Server>,
    /// The one in use.
    current: AtomicUsize,
    ids: AtomicU64,
}

struct Server {
    addr: String,
    client: DoorClient<Marked>,
    link: tokio::sync::Mutex<Link>,
    /// Attempts to open a stream that failed.
    failed: AtomicU64,
}

/// The stream to one queue server.
#[derive(Default)]
struct Link {
    stream: Option<Arc<Stream>>,
    /// Why the last attempt to open one failed.
    why: String,
}

/// A live stream. The task that reads its answers holds only `waiting`: when the last user lets go, the stream ends.
struct Stream {
    requests: mpsc::Sender<Request>,
    waiting: Arc<Mutex<Waiting>>,
}

/// Who waits for which answer; `None` once the stream has broken.
type Waiting = Option<BTreeMap<u64, oneshot::Sender<Answer>>>;

/// Why a request has no answer.
pub(crate) enum Unanswered {
    /// It never left this machine.
    NotSent(Failure),
    /// It may have arrived.
    Broken(Failure),
}

impl Door {
    pub(crate) fn new(channels: &Channels, queues: &[String]) -> Result<Self, ConnectError> {
        let server = |addr: &String| {
            let target = Target { cluster: channels.cluster(), epoch: None, node: 0 };
            let client = DoorClient::with_interceptor(channels.grpc(addr)?, target)
                .max_decoding_message_size(MESSAGE_BYTES);
            let (link, failed) = (tokio::sync::Mutex::default(), AtomicU64::new(0));
            Ok(Server { addr: addr.clone(), client, link, failed })
        };
        let servers = queues.iter().map(server).collect::<Result<_, ConnectError>>()?;
        Ok(Door { channels: channels.clone(), servers, current: AtomicUsize::new(0), ids: AtomicU64::new(1) })
    }

    /// Each queue server's address and client, the one in use first.
    pub(crate) fn clients(&self) -> impl Iterator<Item = (&str, DoorClient<Marked>)> {
        let first = self.current.load(Ordering::Relaxed);
        let (before, from) = self.servers.split_at(first);
        from.iter().chain(before).map(|server| (server.addr.as_str(), server.client.clone()))
    }

    /// Sends one request and waits for its answer. A request whose caller stops waiting is cancelled.
    pub(crate) async fn submit(
        &self,
        queue: Queue,
        task: Bytes,
        time_left: Duration,
        exclude: &[u64],
    ) -> Result<Answer, Unanswered> {
        let (server, stream) = self.stream().await.map_err(Unanswered::NotSent)?;
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        let (answered, answer) = oneshot::channel();
        let _cancel = stream.expect(id, answered).map_err(Unanswered::NotSent)?;
        let time_left_ms = time_left.as_millis() as u64;
        let request =
            Request { id, queue: queue as i32, time_left_ms, exclude: exclude.to_vec(), task, cancel: false };
        let both = async {
            stream.requests.send(request).await.ok()?;
            answer.await.ok()
        };
        // The queue server answers when the time is over; only one that hangs lets it pass.
        let (answer, why) = match tokio::time::timeout(time_left + RPC, both).await {
            Ok(Some(answer)) => (Some(answer), ""),
            Ok(None) => (None, "the connection to the queue server broke"),
            Err(_) => (None, "the queue server did not answer in time"),
        };
        // One that is silent may be so for long, and another may have nodes when this one has none.
        let failure = answer.as_ref().map(|answer| answer.failure.as_ref().map(Failure::code));
        if matches!(failure, None | Some(Some(Code::Unavailable | Code::Deadline))) {
            self.leave(server);
        }
        answer.ok_or_else(|| Unanswered::Broken(broken(why)))
    }

    /// How long one queue server may keep a task that takes no long work: one that lives and has no nodes would else keep
    /// it until patience is over, while another could have it done.
    pub(crate) fn turn(&self, left: Duration) -> Duration {
        if self.servers.len() > 1 { left.min(TURN) } else { left }
    }

    /// Goes on with the queue server after this one, unless somebody else has left it already: of many requests that it
    /// failed at once, only one may.
    fn leave(&self, server: usize) {
        let next = (server + 1) % self.servers.len();
        let _ = self.current.compare_exchange(server, next, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// A live stream, and of which server: the one in use, else the first that answers.
    async fn stream(&self) -> Result<(usize, Arc<Stream>), Failure> {
        let first = self.current.load(Ordering::Relaxed);
        let mut refusals = Vec::new();
        for step in 0..self.servers.len() {
            let at = (first + step) % self.servers.len();
            let server = &self.servers[at];
            match server.stream().await {
                Ok(stream) => {
                    // Somebody else may have left that one meanwhile.
                    let _ = self.current.compare_exchange(first, at, Ordering::Relaxed, Ordering::Relaxed);
                    return Ok((at, stream));
                }
                Err(why) => refusals.push(self.channels.refusal(&server.addr).unwrap_or(why)),
            }
        }
        Err(self.nobody(&refusals))
    }

    /// What no queue server answering means, with what became of each.
    pub(crate) fn nobody(&self, refusals: &[String]) -> Failure {
        // Where nobody is of this cluster, waiting does not help.
        let strangers =
            self.servers.iter().filter(|server| self.channels.refusal(&server.addr).is_some()).count();
        let code = if strangers == self.servers.len() { Code::Refused } else { Code::Unavailable };
        Failure::new(code, refusals.join("; "))
    }

    /// Why the last connection to a queue server was refused, if it was.
    pub(crate) fn refusal(&self, addr: &str) -> Option<String> {
        self.channels.refusal(addr)
    }
}

impl Server {
    async fn stream(&self) -> Result<Arc<Stream>, String> {
        let failed = self.failed.load(Ordering::Relaxed);
        let mut link = self.link.lock().await;
        if let Some(stream) = link.stream.as_ref().filter(|stream| stream.is_live()) {
            return Ok(stream.clone());
        }
        // Whoever waited here while an attempt failed takes its answer. If each made its own, one after the other, a server
        // that hangs would use up the patience of all but the first few.
        if self.failed.load(Ordering::Relaxed) > failed {
            return Err(link.why.clone());
        }
        match self.open().await {
            Ok(stream) => {
                link.stream = Some(stream.clone());
                Ok(stream)
            }
            Err(why) => {
                link.why.clone_from(&why);
                self.failed.fetch_add(1, Ordering::Relaxed);
                Err(why)
            }
        }
    }

    async fn open(&self) -> Result<Arc<Stream>, String> {
        let (requests, queued) = mpsc::channel(REQUESTS);
        let mut client = self.client.clone();
        let answers = tokio::time::timeout(CONNECT + RPC, client.submit(ReceiverStream::new(queued)))
            .await
            .map_err(|_| format!("the queue server at {} does not answer", self.addr))?
            .map_err(|status| format!("no queue server at {} ({})", self.addr, status.message()))?;
        let waiting = Arc::new(Mutex::new(Some(BTreeMap::new())));
        tokio::spawn(deliver(answers.into_inner(), waiting.clone()));
        Ok(Arc::new(Stream { requests, waiting }))
    }
}

impl Stream {
    fn is_live(&self) -> bool {
        self.waiting.lock().expect("nothing panics while holding it").is_some()
    }

    fn expect(&self, id: u64, answered: oneshot::Sender<Answer>) -> Result<Cancel<'_>, Failure> {
        match self.waiting.lock().expect("nothing panics while holding it").as_mut() {
            Some(waiting) => {
                waiting.insert(id, answered);
                Ok(Cancel { stream: self, id })
            }
            None => Err(broken("the connection to the queue server broke")),
        }
    }
}

/// Forgets a request when its caller does, and tells the queue server if it has not answered yet.
struct Cancel<'a> {
    stream: &'a Stream,
    id: u64,
}

impl Drop for Cancel<'_> {
    fn drop(&mut self) {
        let mut waiting = self.stream.waiting.lock().expect("nothing panics while holding it");
        if waiting.as_mut().is_some_and(|waiting| waiting.remove(&self.id).is_some()) {
            // With the channel full it is not worth waiting: the task's own deadline ends it.
            let _ =
                self.stream.requests.try_send(Request { id: self.id, cancel: true, ..Request::default() });
        }
    }
}

/// Hands each answer to whom it is for, until the stream breaks.
async fn deliver(mut answers: Streaming<Answer>, waiting: Arc<Mutex<Waiting>>) {
    while let Ok(Some(answer)) = answers.message().await {
        let mut waiting = waiting.lock().expect("nothing panics while holding it");
        if let Some(waiter) = waiting.as_mut().and_then(|waiting| waiting.remove(&answer.id)) {
            // The caller may have stopped waiting a moment ago.
            let _ = waiter.send(answer);
        }
    }
    waiting.lock().expect("nothing panics while holding it").take();
}

fn broken(why: &str) -> Failure {
    Failure::new(Code::Unknown, why)
}
