//! The data folder: who this node is, and whether its last run ended well.
//!
//! ```text
//! lock         held while a process uses the folder
//! format       which version of Gossamer's files these are
//! identity     storage id, cluster, node id
//! ports        the two ports the node listened on last
//! scrub        how far scrubbing is; may be lost
//! running      boot id of the machine while a process uses the folder; gone after a clean stop
//! entering     log, snapshots and catalogue are those of a node that is not yet a member: empty
//! log/ snapshots/ catalogue/ extents/
//! damaged-N/   a log set aside because durable bytes of it were damaged
//! ```

use std::io;
use std::path::{Path, PathBuf};

use gossamer_world::World;
use gossamer_world::files::{Lock, Mode};

use crate::identity::{Identity, Member, decode, encode};

/// The version of the files that this program writes and reads.
pub const FORMAT: u32 = 1;

/// Says that nothing in the folder was ever used; see the layout above.
const ENTERING: &str = "entering";
/// What `running` holds while the catalogue must be built anew, whatever becomes of the process meanwhile.
const DISTRUSTED: &str = "distrusted\n";

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Another process uses it.
    #[error("{0} is in use by another process; stop that one or give another --dir")]
    Locked(PathBuf),
    /// Written by a newer Gossamer.
    #[error("{dir} has format {found}, this program reads up to {FORMAT}; use a newer gossamer")]
    Newer {
        /// The folder.
        dir: PathBuf,
        /// Its format.
        found: u32,
    },
    /// Not a node's folder, or damaged.
    #[error("{0}: {1}")]
    Damaged(PathBuf, &'static str),
    /// The file system refused.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
}

/// An opened, locked data folder.
pub struct Folder {
    world: World,
    dir: PathBuf,
    identity: Identity,
    trusted: bool,
    ended_well: bool,
    boot: String,
    _lock: Box<dyn Lock>,
}

impl Folder {
    /// Opens the folder, making it if needed. Blocking.
    pub fn open(world: &World, dir: &Path) -> Result<Self, FolderError> {
        let failed = |error| FolderError::Io(dir.to_owned(), error);
        world.files.create_dir_durably(dir).map_err(failed)?;
        let lock = world.files.lock(&dir.join("lock")).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => FolderError::Locked(dir.to_owned()),
            _ => failed(error),
        })?;
        check_format(world, dir)?;
        let mut identity = match read(world, &dir.join("identity")).map_err(failed)? {
            Some(text) => {
                decode(&text).ok_or_else(|| FolderError::Damaged(dir.join("identity"), "is damaged"))?
            }
            None => Identity { storage_id: world.random.id(), member: None, replaces: Vec::new(), run: 0 },
        };
        identity.run += 1;
        let running = read(world, &dir.join("running")).map_err(failed)?;
        let boot = boot_id(world);
        let ended_well = running.is_none();
        // After the crash of a process its files are as it left them; after the crash of a machine sled's are not.
        let trusted = running.is_none_or(|before| !boot.is_empty() && before == boot);
        let folder = Folder {
            world: world.clone(),
            dir: dir.to_owned(),
            identity,
            trusted,
            ended_well,
            boot,
            _lock: lock,
        };
        folder.write("identity", &encode(&folder.identity))?;
        // Not yet the boot id: a start that goes no further must not make the next one trust what this one does not.
        folder.write("running", if trusted { &folder.boot } else { DISTRUSTED })?;
        Ok(folder)
    }

    /// The folder's path.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Who this node is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Whether what was written without fsync can be trusted: the last run ended cleanly, or only its process died.
    pub fn is_trusted(&self) -> bool {
        self.trusted
    }

    /// Whether the last run ended cleanly. Otherwise its process died, and what is trusted is looked at more closely.
    pub fn ended_well(&self) -> bool {
        self.ended_well
    }

    /// What could not be trusted is gone; what is written from now on can be, while the machine runs.
    pub fn trust(&mut self) -> Result<(), FolderError> {
        if !self.trusted {
            self.write("running", &self.boot)?;
            self.trusted = true;
        }
        Ok(())
    }

    /// The catalogue failed, or a sync did: the next start builds it anew, where trusting it would only fail again.
    pub fn distrust(&mut self) -> Result<(), FolderError> {
        self.trusted = false;
        self.write("running", DISTRUSTED)
    }

    /// Notes the place in the cluster, durably.
    pub fn enter(&mut self, member: Member) -> Result<(), FolderError> {
        // First: from here on the log may hold something.
        let failed = |error| FolderError::Io(self.dir.clone(), error);
        if self.world.files.exists(&self.dir.join(ENTERING)).map_err(failed)? {
            self.world.files.remove(&self.dir.join(ENTERING)).map_err(failed)?;
            self.world.files.sync_dir(&self.dir).map_err(failed)?;
        }
        self.identity.member = Some(member);
        self.write("identity", &encode(&self.identity))
    }

    /// Sets a damaged log aside, with all that was built from it, and becomes a new node that replaces the old one.
    /// Chunks stay: they are named by their content.
    pub fn set_log_aside(&mut self) -> Result<(), FolderError> {
        if let Some(member) = self.identity.member.take() {
            self.identity.replace(member.node_id);
        }
        self.identity.storage_id = self.world.random.id();
        // The identity first: after a crash in between, a log without a member is known to be worthless.
        self.write("identity", &encode(&self.identity))?;
        self.clear_non_member()
    }

    /// Clears what a node that is member of nothing cannot use: a log, and what was built from it. A log that was ever
    /// used is kept under another name, for whoever wants to look into it.
    pub fn clear_non_member(&self) -> Result<(), FolderError> {
        debug_assert!(self.identity.member.is_none());
        let failed = |error| FolderError::Io(self.dir.clone(), error);
        let names = self.world.files.list(&self.dir).map_err(failed)?;
        let has = |name: &str| names.iter().any(|there| there == name);
        if has("log") && has(ENTERING) {
            // A node that waited for its cluster and was stopped: hundreds of megabytes preallocated, and nothing in it.
            self.world.files.remove_dir_all(&self.dir.join("log")).map_err(failed)?;
        } else if has("log") {
            let number = names.iter().filter(|name| name.starts_with("damaged-")).count() + 1;
            let aside = self.dir.join(format!("damaged-{number}"));
            self.world.files.rename(&self.dir.join("log"), &aside).map_err(failed)?;
        }
        for derived in ["snapshots", "catalogue"].into_iter().filter(|name| has(name)) {
            self.world.files.remove_dir_all(&self.dir.join(derived)).map_err(failed)?;
        }
        self.world.files.sync_dir(&self.dir).map_err(failed)?;
        self.write(ENTERING, "")
    }

    /// The ports used last: control and data.
    pub fn ports(&self) -> Option<(u16, u16)> {
        let text = read(&self.world, &self.dir.join("ports")).ok().flatten()?;
        let (control, data) = text.trim().split_once(' ')?;
        Some((control.parse().ok()?, data.parse().ok()?))
    }

    /// Keeps the ports for the next start.
    pub fn keep_ports(&self, control: u16, data: u16) -> Result<(), FolderError> {
        self.write("ports", &format!("{control} {data}\n"))
    }

    /// Marks the end of a clean run: everything has been flushed and synced.
    pub fn close(self) -> Result<(), FolderError> {
        let failed = |error| FolderError::Io(self.dir.clone(), error);
        self.world.files.remove(&self.dir.join("running")).map_err(failed)?;
        self.world.files.sync_dir(&self.dir).map_err(failed)
    }

    /// Replaces a small file, durably and atomically.
    fn write(&self, name: &str, text: &str) -> Result<(), FolderError> {
        replace(&self.world, &self.dir, name, text)
            .map_err(|error| FolderError::Io(self.dir.join(name), error))
    }
}

fn check_format(world: &World, dir: &Path) -> Result<(), FolderError> {
    let failed = |error| FolderError::Io(dir.join("format"), error);
    match read(world, &dir.join("format")).map_err(failed)? {
        None => replace(world, dir, "format", &format!("gossamer node {FORMAT}\n")).map_err(failed),
        Some(text) => {
            let number = text.trim().strip_prefix("gossamer node ").and_then(|number| number.parse().ok());
            match number {
                None => Err(FolderError::Damaged(dir.join("format"), "is not of a gossamer node")),
                Some(found) if found > FORMAT => Err(FolderError::Newer { dir: dir.to_owned(), found }),
                Some(_) => Ok(()),
            }
        }
    }
}

/// A small file as text; None if it is not there.
pub(crate) fn read(world: &World, path: &Path) -> io::Result<Option<String>> {
    let file = match world.files.open(path, Mode::Read) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let mut bytes = vec![0; 4096];
    let length = file.read_at(&mut bytes, 0)?;
    bytes.truncate(length);
    String::from_utf8(bytes).map(Some).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// Replaces a small file, durably and atomically.
pub(crate) fn replace(world: &World, dir: &Path, name: &str, text: &str) -> io::Result<()> {
    let temporary = dir.join(format!("{name}.new"));
    let file = world.files.open(&temporary, Mode::CreateOrWrite)?;
    file.set_len(0)?;
    file.write_all_at(text.as_bytes(), 0)?;
    file.sync_data()?;
    world.files.rename(&temporary, &dir.join(name))?;
    world.files.sync_dir(dir)
}

/// Linux draws one at every boot; empty where there is none, and then nothing un-synced is trusted.
fn boot_id(world: &World) -> String {
    read(world, Path::new("/proc/sys/kernel/random/boot_id")).ok().flatten().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::identity::Former;

    fn member() -> Member {
        Member {
            cluster_id: Bytes::from_static(&[7; 16]),
            cluster_name: "über uns".to_owned(),
            node_id: 9,
            founder: true,
            epoch: 3,
        }
    }

    /// Identity and ports survive a restart; a second opener is refused while the first lives.
    #[test]
    fn one_process_one_identity() {
        let dir = tempfile::tempdir().unwrap();
        let world = World::real();
        let mut folder = Folder::open(&world, dir.path()).unwrap();
        assert!(folder.is_trusted());
        folder.enter(member()).unwrap();
        folder.keep_ports(1, 2).unwrap();
        let identity = folder.identity().clone();
        assert!(matches!(Folder::open(&world, dir.path()), Err(FolderError::Locked(_))));
        drop(folder);
        let folder = Folder::open(&world, dir.path()).unwrap();
        let expected = Identity { run: identity.run + 1, ..identity };
        assert_eq!((folder.identity(), folder.ports()), (&expected, Some((1, 2))));
    }

    /// Another boot id without a clean stop: what was not fsync'ed is not trusted. After a clean stop it is.
    #[test]
    fn trust() {
        let dir = tempfile::tempdir().unwrap();
        let world = World::real();
        drop(Folder::open(&world, dir.path()).unwrap());
        assert!(Folder::open(&world, dir.path()).unwrap().is_trusted(), "same boot");
        std::fs::write(dir.path().join("running"), "another boot").unwrap();
        drop(Folder::open(&world, dir.path()).unwrap());
        let mut folder = Folder::open(&world, dir.path()).unwrap();
        assert!(!folder.is_trusted(), "a start that went no further changes nothing");
        folder.trust().unwrap();
        drop(folder);
        let mut folder = Folder::open(&world, dir.path()).unwrap();
        assert!(folder.is_trusted(), "built anew");
        folder.distrust().unwrap();
        drop(folder);
        let mut folder = Folder::open(&world, dir.path()).unwrap();
        assert!(!folder.is_trusted(), "it failed");
        folder.trust().unwrap();
        folder.close().unwrap();
        assert!(Folder::open(&world, dir.path()).unwrap().is_trusted());
    }

    /// A lost log makes a new node that says whom it replaces, and, if that one's is lost before anybody has heard of it,
    /// whom that one replaced.
    #[test]
    fn set_aside() {
        let dir = tempfile::tempdir().unwrap();
        let world = World::real();
        let mut folder = Folder::open(&world, dir.path()).unwrap();
        folder.enter(member()).unwrap();
        let before = folder.identity().clone();
        std::fs::create_dir(dir.path().join("log")).unwrap();
        std::fs::create_dir(dir.path().join("catalogue")).unwrap();
        folder.set_log_aside().unwrap();
        drop(folder);
        let folder = Folder::open(&world, dir.path()).unwrap();
        assert_eq!(folder.identity().replaces, [Former { node_id: 9, storage_id: before.storage_id }]);
        assert_ne!(folder.identity().storage_id, before.storage_id);
        assert_eq!(folder.identity().member, None);
        assert!(dir.path().join("damaged-1").exists() && !dir.path().join("catalogue").exists());

        let mut folder = folder;
        folder.enter(Member { node_id: 12, ..member() }).unwrap();
        folder.set_log_aside().unwrap();
        drop(folder);
        let replaces = Folder::open(&world, dir.path()).unwrap().identity().replaces.clone();
        assert_eq!(replaces.iter().map(|former| former.node_id).collect::<Vec<_>>(), [9, 12]);
    }

    /// Starts that end before the node is in a cluster leave no logs behind; one that was used is never removed.
    #[test]
    fn waiting_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let world = World::real();
        for _ in 0..3 {
            let folder = Folder::open(&world, dir.path()).unwrap();
            folder.clear_non_member().unwrap();
            std::fs::create_dir(dir.path().join("log")).unwrap();
        }
        assert!(!dir.path().join("damaged-1").exists());
        let mut folder = Folder::open(&world, dir.path()).unwrap();
        folder.enter(member()).unwrap();
        folder.set_log_aside().unwrap();
        assert!(dir.path().join("damaged-1").exists() && !dir.path().join("log").exists());
    }

    /// A newer format and a flipped bit are refused, not guessed at.
    #[test]
    fn refusals() {
        let dir = tempfile::tempdir().unwrap();
        let world = World::real();
        drop(Folder::open(&world, dir.path()).unwrap());
        std::fs::write(dir.path().join("format"), "gossamer node 2\n").unwrap();
        assert!(matches!(Folder::open(&world, dir.path()), Err(FolderError::Newer { found: 2, .. })));
        std::fs::write(dir.path().join("format"), "gossamer node 1\n").unwrap();
        let mut identity = std::fs::read(dir.path().join("identity")).unwrap();
        identity[10] ^= 1;
        std::fs::write(dir.path().join("identity"), identity).unwrap();
        assert!(matches!(Folder::open(&world, dir.path()), Err(FolderError::Damaged(..))));
    }
}
