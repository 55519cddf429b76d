//! Many small files at once, through the client library.

use futures_util::{StreamExt, stream};
use gossamer_client::{Client, PutOptions};

use super::User;

/// Puts under way at a time.
const SIDE_BY_SIDE: usize = 128;

impl User {
    /// Stores all these names side by side: a folder's record where a name ends with a slash, else a file of ten bytes.
    pub(super) fn fill(&self, names: impl IntoIterator<Item = String>) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let client = self.cluster.client();
            let puts = stream::iter(names).map(|name| put(client.clone(), name));
            puts.buffer_unordered(SIDE_BY_SIDE).collect::<()>().await;
        });
    }

    /// All that begins so, by `ls -r`.
    pub(super) fn all(&self, prefix: &str) -> Vec<String> {
        self.names(&["ls", "-r", prefix])
    }

    /// The names that a listing shows, without sizes and times.
    pub(super) fn names(&self, args: &[&str]) -> Vec<String> {
        let text = self.run(args).ok().text();
        let name = |line: &str| line.rsplit("  ").next().unwrap().to_owned();
        text.lines().map(name).collect()
    }
}

async fn put(client: Client, name: String) {
    let stored = if name.ends_with('/') {
        client.put_folder(&name, PutOptions::default()).await
    } else {
        client.put_bytes(&name, "ten bytes!".into(), PutOptions::default()).await
    };
    stored.unwrap_or_else(|error| panic!("put {name}: {error}"));
}
