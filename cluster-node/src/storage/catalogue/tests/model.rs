//! The catalogue against a model that is too simple to be wrong.

use std::collections::BTreeMap;
use std::mem::discriminant;
use std::sync::Arc;

use gossamer_proto::hash::Hash;
use gossamer_proto::setting::Setting;
use gossamer_proto::v1::{self, command::Kind, condition};

use super::{fake, random};
use crate::storage::catalogue::backend::Backend;
use crate::storage::catalogue::memory::Memory;
use crate::storage::catalogue::{Applied, Entry, Payload};

/// A file: version, ordinal, chunks.
type File = (u64, u32, Vec<Hash>);

#[derive(Default)]
struct Model {
    files: BTreeMap<String, File>,
    outcomes: BTreeMap<(Vec<u8>, u64), (u64, Applied)>,
    nodes: BTreeMap<Vec<u8>, u64>,
    retired: BTreeMap<u64, bool>,
    settings: BTreeMap<String, u64>,
    membership: u64,
    members: Vec<u64>,
    collect: u64,
    opened: Vec<u64>,
}

impl Model {
    fn apply(&mut self, entry: &Entry) -> Vec<Applied> {
        match &entry.payload {
            Payload::Blank => Vec::new(),
            Payload::Membership(membership) => {
                self.membership = entry.at.index;
                self.members.clone_from(&membership.nodes);
                Vec::new()
            }
            Payload::Batch(batch) => (0..)
                .zip(&batch.commands)
                .map(|(ordinal, command)| self.command((entry.at.index, ordinal, batch.now_ms), command))
                .collect(),
        }
    }

    fn command(&mut self, place: (u64, u32, u64), command: &v1::Command) -> Applied {
        let Some(operation) = &command.operation else { return self.execute(place, command) };
        let generation = self.opened.len() as u64;
        let key = (operation.session.to_vec(), operation.sequence);
        if let Some((_, outcome)) = self.outcomes.get(&key).filter(|(then, _)| then + 1 >= generation) {
            return outcome.clone();
        }
        if self.opened.len() >= 2 && operation.known_index < self.opened[self.opened.len() - 2] {
            return Applied::TooOld;
        }
        let outcome = self.execute(place, command);
        if !matches!(outcome, Applied::SealAgain | Applied::Invalid) {
            self.outcomes.insert(key, (generation, outcome.clone()));
        }
        outcome
    }

    fn execute(&mut self, place: (u64, u32, u64), command: &v1::Command) -> Applied {
        match command.kind.as_ref().unwrap() {
            Kind::Put(put) if put.name.contains("..") => Applied::Invalid,
            Kind::Put(put) => {
                let chunks = if put.data.is_empty() { vec![] } else { vec![Hash::of(&put.data)] };
                self.write(place, &put.name, put.condition.as_ref(), chunks)
            }
            Kind::Commit(commit) => {
                if let Some(refused) = self.refused(&commit.name, commit.condition.as_ref()) {
                    return refused;
                }
                let sealed = commit.sealed_under.as_ref().unwrap().index == self.membership;
                if !sealed || self.collect > commit.seal_number + 1 {
                    return Applied::SealAgain;
                }
                self.write(place, &commit.name, None, Hash::list(&commit.chunks).unwrap())
            }
            Kind::Remove(remove) => match self.refused(&remove.name, remove.condition.as_ref()) {
                Some(refused) => refused,
                None => match self.files.remove(&remove.name) {
                    Some((version, ..)) => Applied::Removed { version },
                    None => Applied::NotFound,
                },
            },
            Kind::CopyFile(copy) if copy.from == copy.to => Applied::Invalid,
            Kind::CopyFile(copy) => {
                if let Some(refused) = self.refused(&copy.to, copy.condition.as_ref()) {
                    return refused;
                }
                let Some((_, _, chunks)) = self.files.get(&copy.from).cloned() else {
                    return Applied::NotFound;
                };
                if copy.remove {
                    self.files.remove(&copy.from);
                }
                self.write(place, &copy.to, None, chunks)
            }
            Kind::Admit(admit) => {
                let taken = self.nodes.values().any(|node| *node == place.0);
                match self.nodes.get(&admit.storage_id.to_vec()) {
                    Some(node) if self.retired.contains_key(node) => Applied::Retired { node: *node },
                    Some(node) => Applied::Admitted { node: *node },
                    None if taken || place.0 < 2 => Applied::SealAgain,
                    None => {
                        self.nodes.insert(admit.storage_id.to_vec(), place.0);
                        Applied::Admitted { node: place.0 }
                    }
                }
            }
            Kind::Retire(retire) => self.retire(retire.node, retire.fewer_voters),
            Kind::SetSetting(set) => {
                let allowed = match set.key.as_str() {
                    "voters" => [1, 3, 5, 7].contains(&set.value),
                    "replace-after" | "scrub-every" => set.value >= 1000,
                    key => key == "scrub-rate" && set.value >= 1 << 20,
                };
                if !allowed {
                    return Applied::Invalid;
                }
                self.settings.insert(set.key.clone(), set.value);
                Applied::Configured
            }
            Kind::Mark(_) => Applied::Marked { index: place.0 },
            Kind::Collect(collect) => {
                self.collect = collect.number;
                Applied::Collected
            }
            Kind::Expire(_) => {
                self.opened.push(place.0);
                Applied::Expired
            }
        }
    }

    fn retire(&mut self, node: u64, fewer_voters: bool) -> Applied {
        if !self.nodes.values().any(|known| *known == node) {
            return Applied::NotFound;
        }
        let stays = |other: &&u64| **other != node && !self.retired.contains_key(other);
        if !self.retired.contains_key(&node) && self.members.iter().find(stays).is_none() {
            return Applied::LastNode;
        }
        *self.retired.entry(node).or_default() |= fewer_voters;
        Applied::Retired { node }
    }

    fn refused(&self, name: &str, condition: Option<&v1::Condition>) -> Option<Applied> {
        let found = self.files.get(name).map(|file| file.0);
        match condition?.kind.as_ref()? {
            condition::Kind::IfAbsent(_) if found.is_none() => None,
            condition::Kind::IfVersion(version) if found == Some(*version) => None,
            _ => Some(Applied::Condition { found }),
        }
    }

    fn write(
        &mut self,
        place: (u64, u32, u64),
        name: &str,
        condition: Option<&v1::Condition>,
        chunks: Vec<Hash>,
    ) -> Applied {
        let (version, ordinal, modified_ms) = place;
        self.refused(name, condition).unwrap_or_else(|| {
            self.files.insert(name.into(), (version, ordinal, chunks));
            Applied::Written { version, modified_ms }
        })
    }

    /// The reference rows that the index of chunks should have.
    fn references(&self) -> Vec<Vec<u8>> {
        let of_file = |(version, ordinal, chunks): &File| -> Vec<Vec<u8>> {
            let owner = [&version.to_be_bytes()[..], &ordinal.to_be_bytes()].concat();
            chunks.iter().map(|hash| [&b"R"[..], hash.as_bytes(), &owner].concat()).collect()
        };
        let mut rows: Vec<_> = self.files.values().flat_map(of_file).collect();
        rows.sort();
        rows.dedup();
        rows
    }
}

/// Outcomes (of retried, expired, refused and successful commands), files, members, settings, counters and references
/// are those of the model; the digest that is kept up is that of the rows.
#[test]
fn does_what_the_model_does() {
    let mut kinds = std::collections::HashMap::new();
    for seed in 0..20 {
        let backend: Arc<dyn Backend> = Arc::new(Memory::default());
        let (catalogue, _) = fake::catalogue(&backend);
        let mut model = Model::default();
        for entry in random::Entries::new(seed).take(400) {
            let expected = model.apply(&entry);
            expected.iter().for_each(|outcome| *kinds.entry(discriminant(outcome)).or_insert(0) += 1);
            assert_eq!(catalogue.apply(vec![entry.clone()]).unwrap(), [expected], "seed {seed}: {entry:?}");
        }
        let (listed, more) = catalogue.list("", "", 1000).unwrap();
        let listed: Vec<_> = listed.into_iter().map(|file| (file.name, file.version)).collect();
        let expected: Vec<_> = model.files.iter().map(|(name, file)| (name.clone(), file.0)).collect();
        assert_eq!((listed, more), (expected, false));
        let members: Vec<_> =
            catalogue.members().unwrap().into_iter().map(|(id, s)| (s.to_vec(), id)).collect();
        assert_eq!(members.into_iter().collect::<BTreeMap<_, _>>(), model.nodes);
        assert_eq!(catalogue.retired().unwrap(), model.retired);
        for setting in Setting::ALL {
            assert_eq!(catalogue.set_to(setting), model.settings.get(setting.key()).copied());
        }
        assert_eq!(catalogue.file_count(), model.files.len() as u64);
        assert_eq!(
            (catalogue.collect_number(), catalogue.operations().0),
            (model.collect, model.opened.len() as u64)
        );
        let references: Vec<_> =
            fake::rows(&backend, "R", "S").into_iter().map(|row| row.0.to_vec()).collect();
        assert_eq!(references, model.references());
        let (_, recomputed, kept) = catalogue.recompute_digest().unwrap();
        assert_eq!(recomputed, kept);
    }
    assert!(kinds.len() == 14 && kinds.values().all(|count| *count > 20), "every outcome is met: {kinds:?}");
}
