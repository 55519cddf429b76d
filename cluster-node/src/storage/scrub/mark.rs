//! How far scrubbing is, in a small file: `scrub`, one line of numbers with a checksum. If it is lost, a pass begins anew.

use std::io;
use std::path::Path;

use gossamer_world::World;
use gossamer_world::files::Mode;

use crate::folder;

const FILE: &str = "scrub";

/// Where the pass is, and when passes began and ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// Unix time in milliseconds at which the last pass began; 0: none has.
    pub(super) begun_ms: u64,
    /// Likewise, at which the last one was complete.
    pub(super) finished_ms: u64,
    /// The pass under way: next is this offset of this extent. At (0, 0) all but the extents is still to be done, too.
    pub(super) at: Option<(u64, u64)>,
}

impl Mark {
    /// Whether a pass is to begin. Also if the last one began in a future beyond the next: the clock was wrong then.
    pub(super) fn is_due(&self, now_ms: u64, every_ms: u64) -> bool {
        let next = self.begun_ms.saturating_add(every_ms);
        self.begun_ms == 0 || now_ms >= next || self.begun_ms > now_ms.saturating_add(every_ms)
    }

    pub(super) fn begin(&mut self, now_ms: u64) {
        (self.begun_ms, self.at) = (now_ms.max(1), Some((0, 0)));
    }

    pub(super) fn finish(&mut self, now_ms: u64) {
        (self.finished_ms, self.at) = (now_ms.max(1), None);
    }

    /// Reads what [`Mark::write`] wrote; nothing is known if it is not there or damaged.
    pub(super) fn read(world: &World, dir: &Path) -> Mark {
        let text = folder::read(world, &dir.join(FILE)).ok().flatten();
        text.and_then(|text| Mark::decode(text.trim_end())).unwrap_or_default()
    }

    /// Not synced: what a power loss takes is only a pass.
    pub(super) fn write(&self, world: &World, dir: &Path) -> io::Result<()> {
        let temporary = dir.join(format!("{FILE}.new"));
        let file = world.files.open(&temporary, Mode::CreateOrWrite)?;
        file.set_len(0)?;
        file.write_all_at(self.encode().as_bytes(), 0)?;
        world.files.rename(&temporary, &dir.join(FILE))
    }

    fn encode(&self) -> String {
        let (under_way, (extent, offset)) = (u8::from(self.at.is_some()), self.at.unwrap_or_default());
        let numbers = format!("{} {} {under_way} {extent} {offset}", self.begun_ms, self.finished_ms);
        format!("{numbers} {:08x}\n", crc32fast::hash(numbers.as_bytes()))
    }

    fn decode(line: &str) -> Option<Mark> {
        let (numbers, checksum) = line.rsplit_once(' ')?;
        if format!("{:08x}", crc32fast::hash(numbers.as_bytes())) != checksum {
            return None;
        }
        let numbers: Vec<u64> = numbers.split(' ').map(str::parse).collect::<Result<_, _>>().ok()?;
        let [begun_ms, finished_ms, under_way, extent, offset] = numbers[..] else { return None };
        Some(Mark { begun_ms, finished_ms, at: (under_way != 0).then_some((extent, offset)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is written is read; what is damaged counts as nothing.
    #[test]
    fn there_and_back() {
        for at in [None, Some((0, 0)), Some((7, 1 << 40))] {
            let mark = Mark { begun_ms: 5, finished_ms: u64::MAX, at };
            let line = mark.encode();
            assert_eq!(Mark::decode(line.trim_end()), Some(mark));
            assert_eq!(Mark::decode(&line.replacen('5', "6", 1)), None);
        }
        assert_eq!(Mark::decode(""), None);
    }

    /// A pass begins at the interval, at once if none ever did, and whatever the clock did meanwhile.
    #[test]
    fn due() {
        let mark = Mark { begun_ms: 1000, ..Mark::default() };
        assert!(Mark::default().is_due(0, 100));
        assert!(!mark.is_due(1099, 100) && mark.is_due(1100, 100));
        assert!(!mark.is_due(950, 100) && mark.is_due(800, 100));
        assert!(!mark.is_due(u64::MAX - 1, u64::MAX));
    }
}
