//! Listings longer than a page.

use futures_util::{StreamExt, stream};
use gossamer_client::PutOptions;

use super::User;

/// 2,100 names, more than two pages, come in order, each once; a prefix cuts out its part, wherever it ends.
#[test]
fn pages() {
    let user = User::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let name = |number: u32| format!("pages/{}/{number:04}", number % 2);
    runtime.block_on(async {
        let client = user.cluster.client();
        let puts = stream::iter(0..2_100).map(|number| {
            let client = client.clone();
            async move {
                let content = number.to_string().into();
                client.put_bytes(&name(number), content, PutOptions::default()).await.unwrap();
            }
        });
        puts.buffer_unordered(64).collect::<()>().await;
    });
    let list = |prefix: &str| {
        let ran = user.run(&["ls", "--json", prefix]).ok();
        let names = ran.json().into_iter().map(|file| file["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    let mut expected: Vec<String> = (0..2_100).map(name).collect();
    expected.sort();
    assert!(list("pages/") == expected);
    assert!(list("pages") == [""; 0], "without a slash it is looked for in bucket files");
    assert!(list("pages/1/") == expected[1050..]);
    assert_eq!(
        list("pages/1/001"),
        ["pages/1/0011", "pages/1/0013", "pages/1/0015", "pages/1/0017", "pages/1/0019"]
    );
    assert_eq!(user.run(&["ls", "pages/"]).ok().text().lines().count(), 2_100);
}
