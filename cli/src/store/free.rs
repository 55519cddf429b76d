//! Whether a name may be given: a file `a` beside a file `a/b` could not be fetched into one folder.

use futures_util::future::try_join_all;
use gossamer_client::{Client, Kind};

use super::folder::{ancestors, as_folder, is_there};
use crate::failure::{FAILED, Failure};

/// Fails if a folder has the name of this file, or a file that of a folder above it.
pub(crate) async fn file(client: &Client, name: &str) -> Result<(), Failure> {
    let inside = as_folder(name);
    let (folders, inside_it) = tokio::join!(folder(client, name), is_there(client, &inside));
    folders?;
    if inside_it? {
        return Err(taken(name, &format!("{inside} is a folder there")));
    }
    Ok(())
}

/// Fails if a file has the name of a folder above `name`, or, if that ends with a slash, of the folder itself.
pub(crate) async fn folder(client: &Client, name: &str) -> Result<(), Failure> {
    let checks = ancestors(name).map(async |folder| match client.stat(folder).await {
        Ok(_) => Err(taken(name, &format!("{folder} is a file there"))),
        Err(error) if error.kind() == Kind::NotFound => Ok(()),
        Err(error) => Err(Failure::of(format!("{name} was not stored"), error.kind(), &error)),
    });
    try_join_all(checks).await.map(drop)
}

fn taken(name: &str, why: &str) -> Failure {
    Failure::new(FAILED, format!("{name} was not stored: {why}; choose another name, or move that one"))
}
