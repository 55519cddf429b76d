//! The user's own files: unchanged while they are read, complete or not there when they are written.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;

use gossamer_client::{FileSink, FileSource, GetError, Info, Kind, Progress, PutError, PutOptions, Silent};
use gossamer_world::World;

use crate::fake::Fake;
use crate::writes::content;

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// There and back, through files; the target is replaced in one step and nothing else is left in the folder.
#[tokio::test(flavor = "multi_thread")]
async fn round_trip() {
    let fake = Fake::start().await;
    let (client, world, folder) = (fake.client(), World::real(), tempfile::tempdir().unwrap());
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    fs::write(&to, "old").unwrap();
    for size in [0, 70_000, 50 << 20] {
        fs::write(&from, content(size)).unwrap();
        let source = FileSource::open(&world, &from).await.unwrap();
        client.put("a", source, PutOptions::default(), &Silent).await.unwrap();
        let mut sink = FileSink::new(&world, &to).unwrap();
        client.get("a", &mut sink, &Silent).await.unwrap();
        assert!(fs::read(&to).unwrap() == content(size));
    }
    assert_eq!(names(folder.path()), ["from", "to"]);
    let error = client.get("b", &mut FileSink::new(&world, &to).unwrap(), &Silent).await.unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    assert!(FileSink::new(&world, folder.path()).is_err(), "a folder is no file");
    assert!(FileSource::open(&world, folder.path()).await.is_err());
}

/// Appends to a file as soon as a put of it moves.
struct Meddler(Mutex<Option<fs::File>>);

impl Progress for Meddler {
    fn total(&self, _bytes: Option<u64>) {}
    fn moved(&self, _bytes: u64) {
        if let Some(mut file) = self.0.lock().unwrap().take() {
            file.write_all(b"more").unwrap();
        }
    }
    fn waiting(&self, _for_what: &str) {}
}

/// A file that changes while it is read is not stored.
#[tokio::test(flavor = "multi_thread")]
async fn changed_while_read() {
    let fake = Fake::start().await;
    let (client, world, folder) = (fake.client(), World::real(), tempfile::tempdir().unwrap());
    let path = folder.path().join("log");
    fs::write(&path, content(100 << 20)).unwrap();
    let source = FileSource::open(&world, &path).await.unwrap();
    let meddler = Meddler(Mutex::new(Some(fs::OpenOptions::new().append(true).open(&path).unwrap())));
    let error = client.put("log", source, PutOptions::default(), &meddler).await.unwrap_err();
    assert!(matches!(error, PutError::Changed { .. }), "{error}");
    // Replaced by another file of the same size, before a byte of it was read.
    fs::write(&path, content(100)).unwrap();
    let source = FileSource::open(&world, &path).await.unwrap();
    fs::write(folder.path().join("other"), content(100)).unwrap();
    fs::rename(folder.path().join("other"), &path).unwrap();
    let error = client.put("log", source, PutOptions::default(), &Silent).await.unwrap_err();
    assert!(matches!(error, PutError::Changed { .. }), "{error}");
    assert!(fake.state().files.is_empty());
}

/// A sink that cannot be written leaves nothing behind and says which file it was.
#[tokio::test]
async fn unwritable() {
    let fake = Fake::start().await;
    let (client, world, folder) = (fake.client(), World::real(), tempfile::tempdir().unwrap());
    client.put_bytes("a", content(100), PutOptions::default()).await.unwrap();
    let mut sink = FileSink::new(&world, &folder.path().join("no such folder/a")).unwrap();
    let error = client.get("a", &mut sink, &Silent).await.unwrap_err();
    assert!(
        matches!(&error, GetError::Sink { .. }) && error.to_string().contains("no such folder/a"),
        "{error}"
    );
    // The target becomes a folder while the read is under way: the rename fails, the temporary file goes.
    let target = folder.path().join("target");
    let mut sink = FileSink::new(&world, &target).unwrap();
    fs::create_dir(&target).unwrap();
    client.get("a", &mut sink, &Silent).await.unwrap_err();
    drop(sink);
    assert_eq!(names(folder.path()), ["target"]);
}

/// A file of so many bytes that came from a stream.
fn info(size: u64) -> Info {
    let blake3 = gossamer_proto::hash::Hash::of(b"");
    Info { name: "files/a".to_owned(), size, version: 1, blake3, modified_ms: 7000, attributes: None }
}

/// A read that starts over writes into another file: what a thread still writes of the former version is not seen.
#[tokio::test]
async fn begun_again() {
    use gossamer_client::Sink;
    let (world, folder) = (World::real(), tempfile::tempdir().unwrap());
    let target = folder.path().join("a");
    let mut sink = FileSink::new(&world, &target).unwrap();
    sink.begin(4).await.unwrap();
    sink.write(0, "old!".into()).await.unwrap();
    let part = folder.path().join(&names(folder.path())[0]);
    let late = fs::OpenOptions::new().write(true).open(part).unwrap();
    sink.begin(3).await.unwrap();
    sink.write(0, "new".into()).await.unwrap();
    (&late).write_all(b"late").unwrap();
    sink.finish(&info(3)).await.unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"new");
    assert_eq!(names(folder.path()), ["a"]);
}
