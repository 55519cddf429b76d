//! A few thousand small files.

use futures_util::{StreamExt, TryStreamExt, stream};
use gossamer_client::{Client, PutOptions};
use tokio::time::Instant;

use super::{Story, broken, content};
use crate::failure::Failure;

const FILES: u64 = 3000;
/// Clients at work at once.
const SIDE_BY_SIDE: usize = 32;

/// The versions that were acknowledged, by number.
pub(super) struct Small {
    versions: Vec<(u64, u64)>,
}

fn name(number: u64) -> String {
    format!("demo/small/{:02}/{number:05}", number % 50)
}

/// 1 to 16 KiB, each another length.
fn file(number: u64) -> bytes::Bytes {
    content::bytes(number, (1024 + (number * 7919) % (15 * 1024)) as usize)
}

pub(super) async fn put(story: &Story, client: &Client) -> Result<Small, Failure> {
    let began = Instant::now();
    let puts = stream::iter(0..FILES).map(|number| async move {
        let stored = client.put_bytes(&name(number), file(number), PutOptions::default()).await;
        stored
            .map(|stored| (number, stored.version))
            .map_err(|error| Failure::of(name(number), error.kind(), &error))
    });
    let versions: Vec<(u64, u64)> = puts.buffer_unordered(SIDE_BY_SIDE).try_collect().await?;
    let rate = FILES as f64 / began.elapsed().as_secs_f64();
    story.tell(format_args!("{FILES} small files put, {SIDE_BY_SIDE} at a time: {rate:.0} a second"));
    Ok(Small { versions })
}

pub(super) async fn get(story: &Story, client: &Client, small: &Small) -> Result<(), Failure> {
    let began = Instant::now();
    let gets = stream::iter(small.versions.iter().copied()).map(|(number, version)| async move {
        let expected = file(number);
        let got = client.get_bytes(&name(number), expected.len() as u64 + 1).await;
        let (info, got) = got.map_err(|error| Failure::of(name(number), error.kind(), &error))?;
        if got != expected || info.version != version {
            return Err(broken(format_args!("{} came back changed", name(number))));
        }
        Ok(())
    });
    gets.buffer_unordered(SIDE_BY_SIDE).try_collect::<Vec<()>>().await?;
    let rate = FILES as f64 / began.elapsed().as_secs_f64();
    story.tell(format_args!(
        "{FILES} small files got and compared, {SIDE_BY_SIDE} at a time: {rate:.0} a second"
    ));
    Ok(())
}
