//! Every bound of the system, with its unit and its reason. Relations between them are checked at compile time.

use std::time::Duration;

/// Largest chunk, bytes: big enough that one hash, one index row and one header are cheap, small enough to
/// resend, to hold in memory by the dozen, and to spread a file over nodes.
pub const CHUNK_BYTES: usize = 1 << 20;
/// Largest file that rides the queue and the log, bytes: beyond it, one extra round trip costs less than
/// carrying the bytes through queue, leader and log.
pub const INLINE_BYTES: usize = 64 << 10;
/// Hashes a commit names itself; a longer list is stored as chunks. 32 KiB of hashes keep the record small.
pub const HASHES_INLINE: usize = 1024;
/// Hashes in one full chunk of a hash list.
pub const HASHES_PER_CHUNK: usize = CHUNK_BYTES / 32;
/// Largest file, bytes: every hash of its list chunks fits one commit.
pub const FILE_BYTES: u64 = (HASHES_INLINE * HASHES_PER_CHUNK) as u64 * CHUNK_BYTES as u64;
/// Chunks in one part of a read: 16 MiB, so that a file of 64 MiB already keeps four nodes busy.
pub const PART_CHUNKS: usize = 16;
/// Hashes in one question whether they are held.
pub const HAVE_HASHES: usize = 1024;

/// Longest name (bucket, slash and key), bytes.
pub const NAME_BYTES: usize = 1024;
/// Shortest and longest bucket, bytes.
pub const BUCKET_BYTES: std::ops::RangeInclusive<usize> = 3..=63;
/// Names in one page of a listing: about 100 KiB on the wire.
pub const LIST_PAGE: usize = 1000;

/// Largest gRPC message, bytes: a batch of inline files, a page of names, a snapshot part, all with room.
pub const MESSAGE_BYTES: usize = 8 << 20;
/// Bytes of entries in one append message and in one proposed batch: half of a message, so headers always fit.
pub const APPEND_BYTES: usize = 2 << 20;
/// Operations in one log entry.
pub const BATCH_OPERATIONS: usize = 256;
/// Bytes of a snapshot in one message.
pub const SNAPSHOT_PART_BYTES: usize = 1 << 20;

/// Tasks each of the two queues holds before it says FULL.
pub const QUEUE_ITEMS: usize = 16_384;
/// Bytes each of the two queues holds before it says FULL: with both full the process stays under 256 MiB.
pub const QUEUE_BYTES: usize = 64 << 20;
/// Deliveries of one task before it is parked.
pub const DELIVERIES: u32 = 5;
/// A lease not extended for this long is over.
pub const LEASE: Duration = Duration::from_millis(1000);
/// A node beats this often...
pub const BEAT: Duration = Duration::from_millis(100);
/// ...and after this silence gets no new work: four beats, so one late beat costs nothing.
pub const SILENCE: Duration = Duration::from_millis(400);
/// Tasks of the leader queue a leader works on at once.
pub const LEADER_CREDITS: u32 = 1024;
/// Tasks of the read queue a node works on at once.
pub const READ_CREDITS: u32 = 64;

/// Deadline of a small RPC between machines of one LAN.
pub const RPC: Duration = Duration::from_secs(2);
/// Deadline of making a connection.
pub const CONNECT: Duration = Duration::from_secs(1);
/// Connections of one listener that are proving themselves at a time: what is beyond waits in the kernel's backlog. Each
/// takes less than a KiB and at most [`CONNECT`].
pub const PROOFS: usize = 256;
/// A gRPC connection that has been silent for this long is asked whether it lives...
pub const KEEP_ALIVE: Duration = Duration::from_millis(300);
/// ...and is given up without an answer after this: a client of a machine that is paused or cut off goes on elsewhere
/// after a second, by when there is another leader; a process that a busy machine holds up is not taken for one.
pub const KEEP_ALIVE_ANSWER: Duration = Duration::from_millis(700);
/// A body or stream that moves no byte for this long is given up.
pub const STALL: Duration = Duration::from_secs(10);
/// What a node that stops still does gets this long; what is left then is broken off, and its client goes on elsewhere. With
/// handing over before and syncs after, a stop usually takes less than the ten seconds after which many supervisors kill.
pub const STOP: Duration = Duration::from_secs(4);
/// How long a ticket lasts: longer than any client should need to begin, short enough to be worthless tomorrow.
pub const TICKET: Duration = Duration::from_secs(600);
/// Default patience of a client without progress.
pub const CLIENT_PATIENCE: Duration = Duration::from_secs(30);

/// Raft: a leader shows itself this often.
pub const HEARTBEAT_MS: u64 = 50;
/// Raft: a follower campaigns after the longest timeout plus a random one (openraft alpha.37): about 450 ms.
pub const ELECTION_MIN_MS: u64 = 150;
/// See [`ELECTION_MIN_MS`].
pub const ELECTION_MAX_MS: u64 = 250;

/// A proposal without an answer for this long has an unknown outcome: longer than an election with a follower
/// that must be brought up to date, shorter than a client's patience.
pub const PROPOSE: Duration = Duration::from_secs(10);
/// Appended bytes on their way to one follower without an answer: fills a 10-gigabit link over 5 ms of delay,
/// and bounds what a slow follower holds in memory.
pub const PIPELINE_BYTES: usize = 8 << 20;
/// Log entries in one append message: with inline files of a few KiB the bytes are the bound, not this.
pub const APPEND_ENTRIES: u64 = 256;
/// Receiving and installing a whole snapshot's last part may take this long.
pub const INSTALL_MS: u64 = 30_000;

/// A log segment, bytes, preallocated.
pub const SEGMENT_BYTES: u64 = 64 << 20;
/// Entries kept in memory for replication and apply, bytes.
pub const LOG_CACHE_BYTES: usize = 32 << 20;
/// Requests waiting for the log's writer: more than one fdatasync can keep up with.
pub const LOG_QUEUE_ITEMS: usize = 4096;
/// Bytes waiting for the log's writer, and so the largest group commit: eight full append messages.
pub const LOG_QUEUE_BYTES: usize = 16 << 20;
/// Largest single record of the log, bytes: no entry, vote or id comes near it, and it fits any segment twice.
pub const LOG_RECORD_BYTES: usize = 16 << 20;
/// The log asks for a snapshot beyond this size, bytes: bounds disk, and the replay at start.
pub const LOG_BYTES: u64 = 256 << 20;
/// ...or beyond this many entries.
pub const LOG_ENTRIES: u64 = 50_000;
/// Entries kept behind a snapshot for followers that are a little late.
pub const LOG_KEEP_ENTRIES: u64 = 10_000;
/// An extent, bytes: freed by unlinking, and unlinking more than 64 MiB at once stalls an fdatasync.
pub const EXTENT_BYTES: u64 = 64 << 20;
/// Receivers start write-back this often, bytes.
pub const WRITE_BACK_BYTES: u64 = 8 << 20;
/// Disk space a node keeps for log, catalogue and deletes, bytes: uploads and seals are refused below it.
pub const RESERVE_BYTES: u64 = 512 << 20;
/// sled's page cache, bytes (its own default is 1 GiB).
pub const CATALOGUE_CACHE_BYTES: u64 = 32 << 20;
/// Old rows kept for a snapshot that is being built while apply goes on, bytes: beyond it apply waits for the
/// builder.
pub const FREEZE_BYTES: usize = 32 << 20;
/// Chunks in flight on a node, all uploads and forwards together, bytes.
pub const RECEIVE_BYTES: usize = 64 << 20;
/// Connections of the data port: what is beyond waits to be accepted. Each costs at most about 4 MiB of buffers.
pub const DATA_CONNECTIONS: usize = 256;
/// Chunks of one connection being checked and stored while the next one arrives.
pub const STORES: usize = 4;
/// Chunks in memory on their way to whoever fetches them, all connections together, bytes.
pub const READ_BYTES: usize = 64 << 20;
/// Chunks read from disk ahead of a client that fetches.
pub const READ_AHEAD: usize = 2;
/// Chunks waiting for one forward target of one upload, bytes: a pause of 80 ms at 100 MB/s.
pub const FORWARD_QUEUE_BYTES: usize = 8 << 20;
/// How long a chunk waits for a place in the queues of a majority before the late ones go without: long enough for
/// a hiccup of a disk, and paid once for each target that falls behind.
pub const FORWARD_WAIT: Duration = Duration::from_millis(250);
/// A forwarding stream without chunks ends itself after this time, well before the receiver calls it stalled.
pub const FORWARD_IDLE: Duration = Duration::from_secs(2);
/// Uploads whose chunks a node forwards at the same time; the one idle longest makes room.
pub const FORWARDED_UPLOADS: usize = 1024;
/// Proposed batches under way: one is synced while the next is sent and the next filled.
pub const BATCHES: usize = 4;
/// Times a commit is sealed before the client is told to try again.
pub const SEALS: usize = 5;
/// Groups of [`PART_CHUNKS`] chunks that a node fetches for seals side by side.
pub const SEAL_FETCHES: usize = 2;
/// Pause before a voter that could not confirm is asked again.
pub const SEAL_PAUSE: Duration = Duration::from_millis(200);

/// Voters the cluster grows to.
pub const VOTER_TARGET: usize = 5;
/// A voter that has not answered its leader for this long is replaced if a replica is ready to: far beyond a restart
/// of the process. One that comes back later is a replica.
pub const VOTER_SILENCE: Duration = Duration::from_secs(300);

/// How often a node begins to re-read everything it holds: a bad sector is rare, and a second one on another node before
/// the first is found rarer still.
pub const SCRUB_EVERY: Duration = Duration::from_secs(7 * 24 * 3600);
/// How fast it reads for that, bytes per second: a tenth of what an old disk can do.
pub const SCRUB_RATE: u64 = 20 << 20;

/// Port of discovery's broadcasts.
pub const DISCOVERY_PORT: u16 = 8888;
/// Pause after the first round of discovery's requests; it doubles with every round.
pub const DISCOVERY_FIRST: Duration = Duration::from_millis(100);
/// Longest pause between two rounds, before jitter of a fifth: some hundred bytes a minute and machine.
pub const DISCOVERY_LAST: Duration = Duration::from_secs(25);
/// Longest pause between two rounds of a command that somebody waits for.
pub const DISCOVERY_LAST_OF_COMMAND: Duration = Duration::from_secs(1);
/// One source gets one answer in this time, and asking anew begins at most once in it.
pub const DISCOVERY_SECOND: Duration = Duration::from_secs(1);
/// How often the interfaces are enumerated.
pub const DISCOVERY_REFRESH: Duration = Duration::from_secs(1);
/// How long a request may be answered and a challenge be confirmed: a LAN answers in milliseconds.
pub const DISCOVERY_ANSWER: Duration = Duration::from_secs(5);
/// Nonces of others remembered, so that a replay is not answered; the oldest leave.
pub const DISCOVERY_NONCES: usize = 4096;
/// Own requests that may still be answered: all interfaces in the fast first rounds.
pub const DISCOVERY_ASKED: usize = 1024;
/// Challenges that may still be confirmed.
pub const DISCOVERY_CHALLENGES: usize = 1024;
/// Sources answered in the last second.
pub const DISCOVERY_SOURCES: usize = 1024;
/// Answers without proof, a second, whoever asks: far below what any link notices.
pub const DISCOVERY_CENSUS_ANSWERS: u32 = 100;
/// Addresses of queue servers remembered.
pub const DISCOVERY_FOUND: usize = 64;
/// Queue servers of other clusters remembered.
pub const DISCOVERY_FOREIGN: usize = 16;
/// Addresses of interfaces used: two sockets each.
pub const DISCOVERY_INTERFACES: usize = 64;

const _: () = assert!(INLINE_BYTES < APPEND_BYTES && APPEND_BYTES * 2 < MESSAGE_BYTES);
const _: () = assert!(APPEND_BYTES < PIPELINE_BYTES && PROPOSE.as_millis() < CLIENT_PATIENCE.as_millis());
const _: () = assert!(HEARTBEAT_MS * 2 < ELECTION_MIN_MS && ELECTION_MIN_MS < ELECTION_MAX_MS);
const _: () =
    assert!(BEAT.as_millis() * 3 < SILENCE.as_millis() && SILENCE.as_millis() * 2 < LEASE.as_millis());
const _: () =
    assert!(FORWARD_QUEUE_BYTES * 4 <= RECEIVE_BYTES && FORWARD_IDLE.as_secs() * 2 < STALL.as_secs());
const _: () = assert!(SNAPSHOT_PART_BYTES < MESSAGE_BYTES && HAVE_HASHES * 32 < MESSAGE_BYTES);
const _: () = assert!(APPEND_BYTES * 2 < LOG_RECORD_BYTES && LOG_RECORD_BYTES as u64 * 2 < SEGMENT_BYTES);
const _: () = assert!((QUEUE_BYTES * 2) < (256 << 20) && CHUNK_BYTES as u64 * 4 < EXTENT_BYTES);
const _: () = assert!(DISCOVERY_SOURCES <= DISCOVERY_CHALLENGES && DISCOVERY_CHALLENGES <= DISCOVERY_NONCES);
const _: () = assert!(
    DISCOVERY_FIRST.as_millis() * 2 < DISCOVERY_SECOND.as_millis() && DISCOVERY_ASKED < DISCOVERY_NONCES
);
