//! Who a node is, and the text in which its folder keeps it.

use std::collections::BTreeMap;

use bytes::Bytes;
use gossamer_proto::v1;

/// Former identities that a folder remembers: so many damaged logs in a row, before a leader has dealt with the first.
const FORMERS: usize = 8;

/// Who this node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Drawn before the first join; binds ids to this folder.
    pub storage_id: [u8; 16],
    /// The cluster and this node's id in it, once it has entered one.
    pub member: Option<Member>,
    /// Who this folder was before its log was lost, the latest last: the members may still count with any of them.
    pub replaces: Vec<Former>,
    /// How often this folder was opened, this time included.
    pub run: u64,
}

/// Who a folder was, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Former {
    /// Its id then.
    pub node_id: u64,
    /// Its storage id then.
    pub storage_id: [u8; 16],
}

impl Former {
    /// As it is told to the leader.
    pub fn report(&self) -> v1::Former {
        v1::Former { node_id: self.node_id, storage_id: Bytes::copy_from_slice(&self.storage_id) }
    }
}

impl Identity {
    /// The log is lost, and with it what this node has promised: it is another from now on, with this id behind it.
    pub(crate) fn replace(&mut self, node_id: u64) {
        if self.replaces.len() == FORMERS {
            self.replaces.remove(0);
        }
        self.replaces.push(Former { node_id, storage_id: self.storage_id });
    }
}

/// A place in a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// 16 bytes.
    pub cluster_id: Bytes,
    /// For people.
    pub cluster_name: String,
    /// Never used twice.
    pub node_id: u64,
    /// Whether this node is to initialise the cluster (and nobody else ever).
    pub founder: bool,
    /// How often the cluster was recovered by force.
    pub epoch: u64,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    if text.len() != 32 || !text.is_ascii() {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// `key value` lines for people, with a checksum for bits that flip.
pub(crate) fn encode(identity: &Identity) -> String {
    let mut text = format!("storage {}\nrun {}\n", hex(&identity.storage_id), identity.run);
    if let Some(member) = &identity.member {
        let founder = if member.founder { "founder" } else { "member" };
        text += &format!("cluster {}\nname {}\n", hex(&member.cluster_id), member.cluster_name);
        text += &format!("node {}\nrole {founder}\nepoch {}\n", member.node_id, member.epoch);
    }
    for former in &identity.replaces {
        text += &format!("replaces {} {}\n", former.node_id, hex(&former.storage_id));
    }
    let sum = crc32fast::hash(text.as_bytes());
    text + &format!("crc32 {sum:08x}\n")
}

pub(crate) fn decode(text: &str) -> Option<Identity> {
    let (body, sum) = text.trim_end().rsplit_once("\ncrc32 ")?;
    let body = format!("{body}\n");
    if u32::from_str_radix(sum, 16).ok()? != crc32fast::hash(body.as_bytes()) {
        return None;
    }
    let fields: BTreeMap<&str, &str> = body.lines().filter_map(|line| line.split_once(' ')).collect();
    let member = match fields.get("node") {
        None => None,
        Some(node) => Some(Member {
            cluster_id: Bytes::copy_from_slice(&unhex(fields.get("cluster")?)?),
            cluster_name: (*fields.get("name")?).to_owned(),
            node_id: node.parse().ok()?,
            founder: *fields.get("role")? == "founder",
            epoch: fields.get("epoch").map_or(Some(0), |epoch| epoch.parse().ok())?,
        }),
    };
    let former = |line: &str| {
        let (node, storage) = line.split_once(' ')?;
        Some(Former { node_id: node.parse().ok()?, storage_id: unhex(storage)? })
    };
    let replaces = body.lines().filter_map(|line| line.strip_prefix("replaces ")).map(former);
    let replaces = replaces.collect::<Option<Vec<_>>>()?;
    let run = fields.get("run").map_or(Some(0), |run| run.parse().ok())?;
    Some(Identity { storage_id: unhex(fields.get("storage")?)?, member, replaces, run })
}
