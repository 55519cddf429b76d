//! The disk goes bad after the process has died: the log opens with everything acknowledged, or not at all.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use gossamer_cluster_node::storage::log::OpenError;
use gossamer_world::Files;
use gossamer_world::files::Mode;
use gossamer_world::memory::Memory;

use super::{Contents, DIR, append, open, process};

/// The files of a log.
type Image = Vec<(PathBuf, Vec<u8>)>;

/// A synced log of several segments that has seen every kind of record, and what it holds.
fn build() -> (Image, Contents) {
    let memory = Memory::new();
    let contents = process(async {
        let log = open(&memory).await.unwrap();
        let entries = |range: std::ops::Range<u64>, length: usize| {
            range.map(|index| (index, Bytes::from(vec![index as u8 + 1; length]))).collect::<Vec<_>>()
        };
        append(&log, entries(0..20, 40)).await.unwrap();
        log.save_vote(Bytes::from_static(b"vote of term 1")).await.unwrap();
        append(&log, entries(20..30, 60)).await.unwrap();
        log.purge(12, Bytes::from_static(b"12")).await.unwrap();
        log.truncate_after(Some(24)).await.unwrap();
        append(&log, entries(25..40, 30)).await.unwrap();
        log.save_committed(Bytes::from_static(b"30")).await.unwrap();
        append(&log, entries(40..42, 33)).await.unwrap();
        log.save_vote(Bytes::from_static(b"vote of term 2")).await.unwrap();
        Contents::of(&log).await.unwrap()
    });
    memory.kill();
    let names = memory.list(Path::new(DIR)).unwrap();
    assert!(names.len() >= 4, "several segments and the spare: {names:?}");
    let read = |name: String| {
        let path = Path::new(DIR).join(name);
        let file = memory.open(&path, Mode::Read).unwrap();
        let mut bytes = vec![0; file.len().unwrap() as usize];
        file.read_exact_at(&mut bytes, 0).unwrap();
        (path, bytes)
    };
    (names.into_iter().map(read).collect(), contents)
}

/// Opens what an image holds: whether it is refused as corrupt. Opened, it must hold `contents`.
fn refused(image: &Image, contents: &Contents, what: &str) -> bool {
    let memory = Memory::new();
    memory.create_dir_all(Path::new(DIR)).unwrap();
    for (path, bytes) in image {
        memory.open(path, Mode::Create).unwrap().write_all_at(bytes, 0).unwrap();
    }
    process(async {
        match open(&memory).await {
            Ok(log) => {
                assert_eq!(&Contents::of(&log).await.unwrap(), contents, "{what}");
                false
            }
            Err(OpenError::Corrupt { .. }) => true,
            Err(error) => panic!("{what}: {error}"),
        }
    })
}

#[test]
fn no_flipped_bit_loses_anything_silently() {
    let (mut image, contents) = build();
    assert!(!refused(&image, &contents, "undamaged"));
    let (mut flips, mut refusals) = (0, 0);
    for file in 0..image.len() {
        for at in 0..image[file].1.len() {
            // One bit of every byte, all eight of some.
            let masks = if at % 16 == 3 { 0..8 } else { at as u32 % 8..at as u32 % 8 + 1 };
            for mask in masks {
                image[file].1[at] ^= 1 << mask;
                let what = format!("bit {mask} of byte {at} of {}", image[file].0.display());
                flips += 1;
                refusals += u32::from(refused(&image, &contents, &what));
                image[file].1[at] ^= 1 << mask;
            }
        }
    }
    // Most bytes of the segments are in use: were it seldom refused, the test would prove nothing.
    assert!(refusals > flips / 3, "{refusals} of {flips}");
}

#[test]
fn no_hole_cut_or_missing_file_loses_anything_silently() {
    let (image, contents) = build();
    let segments = image.len() - 1;
    for file in 0..segments {
        let name = image[file].0.display();
        // The newest segment ends with a mark of 40 bytes: without it, nothing is left to tell of what was before.
        let bytes = &image[file].1;
        let newest = file + 1 == segments;
        let used = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
        let end = if newest { used.next_multiple_of(8) - 40 } else { bytes.len() };
        for from in (0..bytes.len()).step_by(8) {
            for length in [8, 40, 64, 512] {
                let mut holed = image.clone();
                let to = (from + length).min(end).max(from);
                holed[file].1[from..to].fill(0);
                refused(&holed, &contents, &format!("zeros from {from} to {to} in {name}"));
            }
            let mut cut = image.clone();
            cut[file].1.truncate(from);
            assert!(refused(&cut, &contents, "cut"), "{name} cut at {from}");
        }
        // Only the newest cannot be missed.
        if !newest {
            let mut missing = image.clone();
            missing.remove(file);
            assert!(refused(&missing, &contents, "missing"), "{name} is missing");
        }
    }
}

/// A record behind a torn one is cut off with it, and stays away when what is written next ends just before it.
#[test]
fn what_was_cut_never_comes_back() {
    let memory = Memory::new();
    let entry = |index: u64, length: usize| vec![(index, Bytes::from(vec![1; length]))];
    process(async {
        let log = open(&memory).await.unwrap();
        append(&log, entry(0, 8)).await.unwrap();
        append(&log, [entry(1, 80), entry(2, 8)].concat()).await.unwrap();
    });
    memory.kill();
    // Of the second batch only entry 2, at byte 280, has reached the disk: not entry 1, not the mark behind them.
    let path = Path::new(DIR).join("0000000000000001.log");
    let file = memory.open(&path, Mode::Write).unwrap();
    file.write_all_at(&[0; 120], 160).unwrap();
    file.write_all_at(&[0; 40], 328).unwrap();
    process(async {
        let log = open(&memory).await.unwrap();
        assert_eq!(log.indexes(), 0..1);
        // 80 bytes and a mark of 40: the next record would begin at 280.
        append(&log, entry(1, 40)).await.unwrap();
    });
    memory.kill();
    assert_eq!(process(async { open(&memory).await.unwrap().indexes() }), 0..2);
}
