//! Who a node is, and the text in which its folder keeps it.

use std::collections::BTreeMap;

use bytes::Bytes;

/// Who this node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Drawn before the first join; binds ids to this folder.
    pub storage_id: [u8; 16],
    /// The cluster and this node's id in it, once it has entered one.
    pub member: Option<Member>,
    /// The id and storage id this folder had when its log was lost.
    pub replaces: Option<(u64, [u8; 16])>,
    /// How often this folder was opened, this time included.
    pub run: u64,
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
    if let Some((node, storage)) = &identity.replaces {
        text += &format!("replaces {node}\nreplaces-storage {}\n", hex(storage));
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
    let replaces = match fields.get("replaces") {
        None => None,
        Some(node) => Some((node.parse().ok()?, unhex(fields.get("replaces-storage")?)?)),
    };
    let run = fields.get("run").map_or(Some(0), |run| run.parse().ok())?;
    Some(Identity { storage_id: unhex(fields.get("storage")?)?, member, replaces, run })
}
