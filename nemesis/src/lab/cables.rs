//! What is wrong with the cables: rules of the hearing host that name the sender. The lab's own cuts are elsewhere
//! (table `filter`); these (table `mangle`) change all hosts at once, and count what they swallow.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail, ensure};
use tokio::time::Instant;

use super::packets::{Packets, Tally, Weather};
use super::{Host, Lab};

/// All rules there are now.
#[derive(Default)]
pub struct Cables {
    /// Who does not hear whom, and how many packets that has swallowed, as of the last change of the hearer's rules.
    cuts: BTreeMap<(Host, Host), u64>,
    weather: BTreeMap<Host, (Weather, Packets)>,
    hosts: Vec<Host>,
}

impl Cables {
    /// Nothing is wrong between these.
    pub fn new(hosts: Vec<Host>) -> Self {
        Cables { hosts, ..Cables::default() }
    }

    /// The first of each pair no longer hears the second. Returns when that began.
    pub fn cut(&mut self, lab: &Lab, pairs: &[(Host, Host)]) -> anyhow::Result<Instant> {
        let hearers = hearers(pairs);
        self.count(lab, &hearers)?;
        for pair in pairs {
            self.cuts.entry(*pair).or_default();
        }
        self.apply(lab, &hearers)
    }

    /// The end of such cuts; fails if they swallowed nothing. Returns how many packets they did.
    pub fn mend(&mut self, lab: &Lab, pairs: &[(Host, Host)]) -> anyhow::Result<u64> {
        let hearers = hearers(pairs);
        self.count(lab, &hearers)?;
        let swallowed = pairs.iter().filter_map(|pair| self.cuts.remove(pair)).sum();
        self.apply(lab, &hearers)?;
        ensure!(swallowed > 0, "a cut swallowed nothing: {pairs:?}");
        Ok(swallowed)
    }

    /// What a host sends goes through this weather from now on.
    pub fn begin_weather(
        &mut self,
        lab: &Lab,
        host: Host,
        weather: Weather,
        seed: u64,
    ) -> anyhow::Result<()> {
        let packets = Packets::begin(lab, host, weather, seed)?;
        self.weather.insert(host, (weather, packets));
        let changed = BTreeSet::from([host]);
        self.count(lab, &changed)?;
        self.apply(lab, &changed).map(drop)
    }

    /// The end of that; fails if it did nothing.
    pub fn end_weather(&mut self, lab: &Lab, host: Host) -> anyhow::Result<Tally> {
        let (_, packets) = self.weather.remove(&host).with_context(|| format!("no weather in {host}"))?;
        let changed = BTreeSet::from([host]);
        self.count(lab, &changed)?;
        self.apply(lab, &changed)?;
        packets.end()
    }

    /// Both directions between two sets of hosts.
    pub fn between(some: &[Host], others: &[Host]) -> Vec<(Host, Host)> {
        some.iter().flat_map(|a| others.iter().flat_map(|b| [(*a, *b), (*b, *a)])).collect()
    }

    /// Notes what the rules of these hearers have swallowed: setting rules anew sets their counters to zero.
    fn count(&mut self, lab: &Lab, hearers: &BTreeSet<Host>) -> anyhow::Result<()> {
        for hearer in hearers {
            if !self.cuts.keys().any(|(deaf, _)| deaf == hearer) {
                continue;
            }
            for (sender, packets) in dropped(lab, *hearer)? {
                if let Some(swallowed) = self.cuts.get_mut(&(*hearer, sender)) {
                    *swallowed += packets;
                }
            }
        }
        Ok(())
    }

    /// All hosts at once: each host's rules wait for a word. Returns when it was given.
    fn apply(&self, lab: &Lab, changed: &BTreeSet<Host>) -> anyhow::Result<Instant> {
        let restoring: anyhow::Result<Vec<_>> =
            changed.iter().map(|host| Restore::begin(lab, *host, self.rules(lab, *host))).collect();
        let mut restoring = restoring?;
        let now = Instant::now();
        restoring.iter_mut().try_for_each(Restore::go)?;
        restoring.into_iter().try_for_each(Restore::end)?;
        Ok(now)
    }

    fn rules(&self, lab: &Lab, host: Host) -> String {
        let mut rules = String::from("*mangle\n:INPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n");
        for (_, sender) in self.cuts.keys().filter(|(hearer, _)| *hearer == host) {
            let mac = Lab::mac(*sender);
            let _ = writeln!(rules, "-A INPUT -i eth0 -m mac --mac-source {mac} -j DROP");
        }
        if let Some((Weather { twice, .. }, Packets { number, .. })) = self.weather.get(&host) {
            for other in self.hosts.iter().filter(|other| **other != host && *twice > 0.0) {
                let to = lab.address(*other);
                let _ = writeln!(
                    rules,
                    "-A POSTROUTING -o eth0 -d {to} -m statistic --mode random --probability {twice} -j TEE --gateway {to}"
                );
            }
            let _ = writeln!(rules, "-A POSTROUTING -o eth0 -j NFQUEUE --queue-num {number} --queue-bypass");
        }
        rules
    }
}

fn hearers(pairs: &[(Host, Host)]) -> BTreeSet<Host> {
    pairs.iter().map(|(hearer, _)| *hearer).collect()
}

/// A host's rules on their way into its kernel.
struct Restore {
    host: Host,
    child: Child,
    rules: String,
}

impl Restore {
    fn begin(lab: &Lab, host: Host, rules: String) -> anyhow::Result<Restore> {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &lab.space(host), "iptables-restore", "-w", "5"]);
        let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().context("ip")?;
        // All but the last line: the program has been started and has read it when that line comes.
        child.stdin.as_mut().context("a pipe")?.write_all(rules.as_bytes())?;
        Ok(Restore { host, child, rules })
    }

    fn go(&mut self) -> anyhow::Result<()> {
        Ok(self.child.stdin.take().context("a pipe")?.write_all(b"COMMIT\n")?)
    }

    fn end(self) -> anyhow::Result<()> {
        let Restore { host, child, rules } = self;
        let ran = child.wait_with_output()?;
        if !ran.status.success() {
            bail!("iptables in {host}: {}\n{rules}", String::from_utf8_lossy(&ran.stderr));
        }
        Ok(())
    }
}

/// Packets that a host's cuts have swallowed since its rules were last set, for each sender.
fn dropped(lab: &Lab, host: Host) -> anyhow::Result<Vec<(Host, u64)>> {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", &lab.space(host)]);
    command.args(["iptables", "-w", "5", "-t", "mangle", "-nvxL", "INPUT"]);
    let listed = command.output().context("ip")?;
    if !listed.status.success() {
        bail!("iptables in {host}: {}", String::from_utf8_lossy(&listed.stderr));
    }
    // As in: `  12  720 DROP  all  --  eth0  *  0.0.0.0/0  0.0.0.0/0  MAC02:67:73:6d:00:03`
    let count = |line: &str| {
        let (_, mac) = line.rsplit_once("MAC")?;
        let sender = u8::from_str_radix(mac.trim().rsplit_once(':')?.1, 16).ok()?;
        Some((Host(sender), line.split_whitespace().next()?.parse().ok()?))
    };
    Ok(String::from_utf8_lossy(&listed.stdout).lines().filter_map(count).collect())
}
