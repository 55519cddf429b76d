//! Whether a name may be given: a file `a` beside a file `a/b` could not be fetched into one folder.

use futures_util::future::try_join_all;
use gossamer_client::{Client, Kind};

use crate::failure::{FAILED, Failure};

/// Fails if a folder has the name of this file, or a file that of a folder above it.
pub(crate) async fn file(client: &Client, name: &str) -> Result<(), Failure> {
    let (folders, inside) = tokio::join!(folder(client, name), is_folder(client, name));
    folders?;
    if inside? {
        return Err(taken(name, &format!("{name}/ is a folder there")));
    }
    Ok(())
}

/// Fails if a file has the name of a folder above `name`, or, if that ends with a slash, of the folder itself.
pub(crate) async fn folder(client: &Client, name: &str) -> Result<(), Failure> {
    // The first part is the bucket.
    let above = name.match_indices('/').skip(1).map(|(at, _)| &name[..at]);
    let checks = above.map(async |folder| match client.stat(folder).await {
        Ok(_) => Err(taken(name, &format!("{folder} is a file there"))),
        Err(error) if error.kind() == Kind::NotFound => Ok(()),
        Err(error) => Err(Failure::client(error.kind(), &error)),
    });
    try_join_all(checks).await.map(drop)
}

/// Whether something lies in a folder of this name.
pub(crate) async fn is_folder(client: &Client, name: &str) -> Result<bool, Failure> {
    let page = client.list(&format!("{name}/"), "", 1).await;
    page.map(|(files, _)| !files.is_empty()).map_err(|error| Failure::client(error.kind(), &error))
}

fn taken(name: &str, why: &str) -> Failure {
    Failure::new(FAILED, format!("{name} was not stored: {why}; choose another name, or move that one"))
}
