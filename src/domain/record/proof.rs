//! What proves who made a statement: a signature by an SSH key, over a text that names all that it is about.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::allowed_signers::{AllowedSigners, NAMESPACE, NotAllowed};
use super::ssh_signature::signer_of;
use crate::domain::facts::cluster::{ClusterIdentity, Comparison};
use crate::domain::record::journal::{Entry, Line};

/// How the text that is signed begins, so that a signature is for nothing else.
const HEADER: &str = "release-cockpit statement 1\n";

/// Whether a key proves who made a statement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// No `allowed_signers` is configured.
    #[default]
    NotRequired,
    ByKey,
    Missing(Flaw),
}

/// Why a statement is not proven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flaw {
    Unsigned,
    Mismatch,
    /// No key of this person is known.
    NoKeyOf(String),
    /// It is signed with a key that is not this person's.
    NotTheKeyOf(String),
    /// The key of this person is not valid now, or not for this program.
    KeyNotValid(String),
    /// It was signed for another cluster, or neither side can tell.
    ClusterNotKnown,
    /// Whose keys are whose is not known; why.
    NoSigners(String),
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsigned => f.write_str("unsigned"),
            Self::Mismatch => f.write_str("the signature does not match"),
            Self::NoKeyOf(who) => write!(f, "no key of {who} in allowed_signers"),
            Self::NotTheKeyOf(who) => write!(f, "signed with a key that is not {who}'s"),
            Self::KeyNotValid(who) => write!(f, "the key of {who} is not valid now, or not for {NAMESPACE}"),
            Self::ClusterNotKnown => f.write_str("not proven to be signed for this cluster"),
            Self::NoSigners(why) => write!(f, "allowed_signers is not used: {why}"),
        }
    }
}

impl Proof {
    #[must_use]
    pub fn is_not_required(&self) -> bool {
        *self == Self::NotRequired
    }

    /// Returns why it is missing, if it is.
    #[must_use]
    pub fn flaw(&self) -> Option<&Flaw> {
        match self {
            Self::Missing(flaw) => Some(flaw),
            Self::NotRequired | Self::ByKey => None,
        }
    }

    /// Says who vouches for the author; `verified` is whether the API server told this machine who it was.
    #[must_use]
    pub fn label(&self, verified: bool) -> String {
        match self {
            Self::ByKey => "verified by key".to_owned(),
            Self::Missing(flaw) => flaw.to_string(),
            Self::NotRequired if verified => "verified".to_owned(),
            Self::NotRequired => "unverified".to_owned(),
        }
    }

    /// Takes in what the record proves of the statement now: a key that was taken back, or whose time is over, proves no
    /// more. A copy without a good signature does not change what another one proved.
    pub(super) fn renew(&mut self, now: &Self) {
        match now {
            Self::Missing(Flaw::NoKeyOf(_) | Flaw::NotTheKeyOf(_) | Flaw::KeyNotValid(_) | Flaw::NoSigners(_)) => {
                self.clone_from(now);
            }
            _ => self.take(now),
        }
    }

    /// Takes in what another copy of the same statement proves: a good signature stays good.
    pub(super) fn take(&mut self, other: &Self) {
        if *self != Self::ByKey && *other != Self::NotRequired {
            self.clone_from(other);
        }
    }
}

impl Entry {
    fn signature_mut(&mut self) -> Option<&mut Option<String>> {
        match self {
            Self::Acknowledged(ack) => Some(&mut ack.signature),
            Self::SignedOff(sign_off) => Some(&mut sign_off.signature),
            Self::Rejected(rejection) => Some(&mut rejection.signature),
            Self::Kept(kept) => Some(&mut kept.signature),
            Self::Requires(requirements) => Some(&mut requirements.signature),
            Self::Frozen(freeze) => Some(&mut freeze.signature),
            Self::Lane(lane) => Some(&mut lane.signature),
            Self::TurnedOff(off) => Some(&mut off.signature),
            _ => None,
        }
    }

    #[must_use]
    pub fn signature(&self) -> Option<&str> {
        match self {
            Self::Acknowledged(ack) => ack.signature.as_deref(),
            Self::SignedOff(sign_off) => sign_off.signature.as_deref(),
            Self::Rejected(rejection) => rejection.signature.as_deref(),
            Self::Kept(kept) => kept.signature.as_deref(),
            Self::Requires(requirements) => requirements.signature.as_deref(),
            Self::Frozen(freeze) => freeze.signature.as_deref(),
            Self::Lane(lane) => lane.signature.as_deref(),
            Self::TurnedOff(off) => off.signature.as_deref(),
            _ => None,
        }
    }

    /// Returns the statement with this signature.
    #[must_use]
    pub fn with_signature(mut self, signature: Option<String>) -> Self {
        if let Some(own) = self.signature_mut() {
            *own = signature;
        }
        self
    }

    /// Returns it with what is known of its author's key: never what its own text says of that.
    #[must_use]
    pub fn with_proof(mut self, proven: Proof) -> Self {
        match &mut self {
            Self::Acknowledged(ack) => ack.proof = proven,
            Self::SignedOff(sign_off) => sign_off.proof = proven,
            Self::Requires(requirements) => requirements.proof = proven,
            Self::Frozen(freeze) => freeze.proof = proven,
            Self::Lane(lane) => lane.proof = proven,
            _ => {}
        }
        self
    }

    /// Returns who makes the statement, where it is one of a person.
    #[must_use]
    pub fn author(&self) -> Option<&str> {
        match self {
            Self::Acknowledged(ack) => Some(&ack.who),
            Self::SignedOff(sign_off) => Some(&sign_off.who),
            Self::Rejected(rejection) => Some(rejection.by.strip_prefix("autopilot of ").unwrap_or(&rejection.by)),
            Self::Kept(kept) => Some(&kept.who),
            // What a config asks for keeps out whoever says so.
            Self::Requires(requirements) => requirements.is_decision.then_some(&*requirements.who),
            Self::Frozen(freeze) => Some(&freeze.who),
            Self::Lane(lane) => Some(&lane.who),
            Self::TurnedOff(off) => Some(&off.by),
            _ => None,
        }
    }

    /// Returns what is signed: all that the statement says, in the order of its fields; `None` where it is none of a person.
    #[must_use]
    pub fn to_be_signed(&self) -> Option<Vec<u8>> {
        self.author()?;
        let text = serde_json::to_string(&self.clone().with_signature(None).with_proof(Proof::NotRequired)).ok()?;
        Some([HEADER.as_bytes(), text.as_bytes()].concat())
    }
}

/// Whose keys are whose, and what was verified lately.
#[derive(Clone, Debug)]
pub struct Keys {
    signers: Result<AllowedSigners, String>,
    /// The keys that made signatures, by the hash of text and signature; `None` where one does not match.
    verified: BTreeMap<[u8; 32], Option<Vec<u8>>>,
    /// Of those, what was asked for since the last [`Keys::forget`].
    asked: BTreeMap<[u8; 32], Option<Vec<u8>>>,
}

impl Keys {
    /// Makes it of a file that was read, or of why it cannot be used: then nothing is proven.
    #[must_use]
    pub fn new(signers: Result<AllowedSigners, String>) -> Self {
        Self { signers, verified: BTreeMap::new(), asked: BTreeMap::new() }
    }

    /// Takes whose keys are whose from now on. Which key made a signature stays known.
    pub fn use_signers(&mut self, signers: Result<AllowedSigners, String>) {
        self.signers = signers;
    }

    /// Returns what is proven of a statement's author. Where it comes from outside, `here` is the cluster that it must have
    /// been signed for.
    pub fn prove(&mut self, entry: &Entry, here: Option<&ClusterIdentity>, now: Timestamp) -> Proof {
        self.check(entry, here, now).map_or_else(Proof::Missing, |()| Proof::ByKey)
    }

    fn check(&mut self, entry: &Entry, here: Option<&ClusterIdentity>, now: Timestamp) -> Result<(), Flaw> {
        if let Err(why) = &self.signers {
            return Err(Flaw::NoSigners(why.clone()));
        }
        let (Some(signature), Some(author)) = (entry.signature(), entry.author()) else { return Err(Flaw::Unsigned) };
        let key = self.key_of(entry, signature).ok_or(Flaw::Mismatch)?;
        let same =
            |here: &ClusterIdentity| entry.cluster().is_some_and(|stated| here.compare(stated) == Comparison::Same);
        if !here.is_none_or(same) {
            return Err(Flaw::ClusterNotKnown);
        }
        let signers = self.signers.as_ref().map_err(|why| Flaw::NoSigners(why.clone()))?;
        let who = author.to_owned();
        signers.allows(author, &key, now).map_err(|why| match why {
            NotAllowed::Unknown => Flaw::NoKeyOf(who),
            NotAllowed::OtherKey => Flaw::NotTheKeyOf(who),
            NotAllowed::NotNow => Flaw::KeyNotValid(who),
        })
    }

    fn key_of(&mut self, entry: &Entry, signature: &str) -> Option<Vec<u8>> {
        let message = entry.to_be_signed()?;
        let hash = Sha256::new().chain_update(&message).chain_update([0]).chain_update(signature.as_bytes()).finalize();
        let hash: [u8; 32] = hash.into();
        let known = self.verified.get(&hash).or_else(|| self.asked.get(&hash)).cloned();
        let key = known.unwrap_or_else(|| signer_of(signature, NAMESPACE, &message));
        self.asked.insert(hash, key.clone());
        key
    }

    /// Forgets what was not asked for since the last time.
    pub fn forget(&mut self) {
        self.verified = std::mem::take(&mut self.asked);
    }

    /// Notes in the statements of a journal of this machine what their signatures prove.
    #[must_use]
    pub fn prove_lines(&mut self, lines: Vec<Line>, now: Timestamp) -> Vec<Line> {
        let proven = |line: Line| {
            if matches!(
                line.entry,
                Entry::Acknowledged(_) | Entry::SignedOff(_) | Entry::Requires(_) | Entry::Frozen(_) | Entry::Lane(_)
            ) {
                let proof = self.prove(&line.entry, None, now);
                return Line { entry: line.entry.with_proof(proof), ..line };
            }
            line
        };
        lines.into_iter().map(proven).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use jiff::tz::TimeZone;
    use proptest::prelude::*;
    use ring::signature::{Ed25519KeyPair, KeyPair as _};
    use ssh_key::public::{Ed25519PublicKey, KeyData};
    use ssh_key::{Algorithm, HashAlg, LineEnding, PublicKey, Signature, SshSig};

    use super::*;
    use crate::domain::facts::ids::EnvName;
    use crate::domain::record::checklist::{Decision, SignOff};
    use crate::domain::record::ledger::Ledger;
    use crate::domain::record::shared::{read, statement};

    fn key_pair(seed: u8) -> (Ed25519KeyPair, KeyData) {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let public = Ed25519PublicKey(pair.public_key().as_ref().try_into().unwrap());
        (pair, KeyData::Ed25519(public))
    }

    fn signed_for(namespace: &str, entry: Entry, seed: u8) -> Entry {
        let (pair, public) = key_pair(seed);
        let data = SshSig::signed_data(namespace, HashAlg::Sha512, &entry.to_be_signed().unwrap()).unwrap();
        let signature = Signature::new(Algorithm::Ed25519, pair.sign(&data).as_ref()).unwrap();
        let whole = SshSig::new(public, namespace, HashAlg::Sha512, signature).unwrap();
        entry.with_signature(Some(whole.to_pem(LineEnding::LF).unwrap().trim_end().to_owned()))
    }

    pub(crate) fn signed(entry: Entry, seed: u8) -> Entry {
        signed_for(NAMESPACE, entry, seed)
    }

    /// Keys of which each belongs to somebody: name, options, seed.
    pub(crate) fn keys(of: &[(&str, &str, u8)]) -> Keys {
        let line = |(who, options, seed): &(&str, &str, u8)| {
            format!("{who} {options} {}\n", PublicKey::from(key_pair(*seed).1).to_openssh().unwrap())
        };
        Keys::new(Ok(AllowedSigners::parse(&of.iter().map(line).collect::<String>(), &TimeZone::UTC)))
    }

    fn now() -> Timestamp {
        "2026-06-01T12:00:00Z".parse().unwrap()
    }

    pub(crate) fn here() -> ClusterIdentity {
        ClusterIdentity { cluster: Some("uid-of-a".to_owned()), ..ClusterIdentity::unknown("shop") }
    }

    pub(crate) fn sign_off(who: &str, decision: Decision) -> Entry {
        Entry::SignedOff(SignOff {
            env: EnvName::new("a"),
            cluster: Some(here()),
            role: "sre".to_owned(),
            who: who.to_owned(),
            verified: true,
            decision,
            note: "seen".to_owned(),
            at: Timestamp::from_second(1_700_000_000).unwrap(),
            subject: "api=1".to_owned(),
            digest: None,
            takes_back: None,
            takes_back_of: None,
            reds: None,
            signature: None,
            proof: Proof::default(),
        })
    }

    fn go() -> Entry {
        sign_off("bob", Decision::Go)
    }

    fn read_in(here: &ClusterIdentity, entry: &Entry, keys: &mut Keys) -> Ledger {
        read((&EnvName::new("a"), here), &statement(entry).into_iter().collect(), now(), Some(keys))
    }

    fn proof_of(entry: &Entry, keys: &mut Keys) -> Proof {
        read_in(&here(), entry, keys).sign_offs[0].proof.clone()
    }

    #[test]
    fn a_statement_is_proven_by_a_key_of_its_author_only() {
        let mut keys = keys(&[("bob", "", 1), ("alice", "", 2)]);
        let flaw = |entry: &Entry, keys: &mut Keys| proof_of(entry, keys).flaw().map(ToString::to_string);
        assert_eq!(proof_of(&signed(go(), 1), &mut keys), Proof::ByKey);
        assert_eq!(flaw(&go(), &mut keys).unwrap(), "unsigned");
        assert_eq!(flaw(&signed(go(), 2), &mut keys).unwrap(), "signed with a key that is not bob's");
        let eve = signed(sign_off("eve", Decision::Go), 1);
        assert_eq!(flaw(&eve, &mut keys).unwrap(), "no key of eve in allowed_signers");
        let mut unreadable = Keys::new(Err("no such file".to_owned()));
        assert_eq!(flaw(&signed(go(), 1), &mut unreadable).unwrap(), "allowed_signers is not used: no such file");
    }

    #[test]
    fn a_key_that_is_taken_back_proves_no_more_and_a_bad_copy_changes_nothing() {
        let mut of_bob = keys(&[("bob", "", 1)]);
        let mut ledger = read_in(&here(), &signed(go(), 1), &mut of_bob);
        let proof = |ledger: &Ledger| ledger.sign_offs[0].proof.clone();
        assert_eq!(proof(&ledger), Proof::ByKey);
        let unsigned = read_in(&here(), &go(), &mut of_bob);
        ledger.merge(unsigned);
        assert_eq!(proof(&ledger), Proof::ByKey);
        of_bob.use_signers(Ok(AllowedSigners::parse("", &TimeZone::UTC)));
        ledger.merge(read_in(&here(), &signed(go(), 1), &mut of_bob));
        assert_eq!(proof(&ledger), Proof::Missing(Flaw::NoKeyOf("bob".to_owned())));
        ledger.merge(read_in(&here(), &signed(go(), 1), &mut keys(&[("bob", "", 1)])));
        assert_eq!(proof(&ledger), Proof::ByKey);
    }

    #[test]
    fn a_key_counts_only_in_its_time_and_for_this_program() {
        let proof = |options: &str| proof_of(&signed(go(), 1), &mut keys(&[("bob", options, 1)]));
        let not_valid = Proof::Missing(Flaw::KeyNotValid("bob".to_owned()));
        assert_eq!(proof("valid-before=\"20260601\""), not_valid);
        assert_eq!(proof("valid-before=\"20260602\""), Proof::ByKey);
        assert_eq!(proof("valid-after=\"202606011201Z\""), not_valid);
        assert_eq!(proof("namespaces=\"git,file\""), not_valid);
        assert_eq!(
            proof("namespaces=\"git,release-*\",valid-after=2026"),
            Proof::Missing(Flaw::NoKeyOf("bob".to_owned()))
        );
        assert_eq!(proof("namespaces=\"git,release-*\""), Proof::ByKey);
        let for_git = signed_for("git", go(), 1);
        assert_eq!(proof_of(&for_git, &mut keys(&[("bob", "", 1)])), Proof::Missing(Flaw::Mismatch));
    }

    #[test]
    fn a_signature_for_one_statement_is_none_for_another() {
        let mut keys = keys(&[("bob", "", 1)]);
        let signature = signed(go(), 1).signature().map(str::to_owned);
        let Entry::SignedOff(own) = go() else { unreachable!() };
        let elsewhere = ClusterIdentity { cluster: Some("uid-of-b".to_owned()), ..here() };
        let others = [
            SignOff { role: "product".to_owned(), ..own.clone() },
            SignOff { subject: "api=2".to_owned(), ..own.clone() },
            SignOff { digest: Some("sha256:b".to_owned()), ..own.clone() },
            SignOff { note: "other".to_owned(), ..own.clone() },
            SignOff { takes_back: Some(own.at), ..own.clone() },
            SignOff { at: own.at + jiff::SignedDuration::from_secs(1), ..own.clone() },
            SignOff { cluster: None, ..own.clone() },
        ];
        for other in others {
            let entry = Entry::SignedOff(other).with_signature(signature.clone());
            assert_eq!(proof_of(&entry, &mut keys), Proof::Missing(Flaw::Mismatch), "{entry:?}");
        }
        // As it is, in another cluster: left out, or not proven where nobody may read which one it is.
        assert!(read_in(&elsewhere, &signed(go(), 1), &mut keys).sign_offs.is_empty());
        let unreadable = read_in(&ClusterIdentity::unknown("shop"), &signed(go(), 1), &mut keys);
        assert_eq!(unreadable.sign_offs[0].proof, Proof::Missing(Flaw::ClusterNotKnown));
    }

    #[test]
    fn a_text_does_not_prove_itself() {
        let Entry::SignedOff(own) = go() else { unreachable!() };
        let value = serde_json::to_string(&Entry::SignedOff(SignOff { proof: Proof::ByKey, ..own })).unwrap();
        assert!(value.contains("by-key"));
        let data = BTreeMap::from([("001.x".to_owned(), value)]);
        for (keys, proof) in
            [(Some(&mut keys(&[("bob", "", 1)])), Proof::Missing(Flaw::Unsigned)), (None, Proof::NotRequired)]
        {
            let ledger = read((&EnvName::new("a"), &here()), &data, now(), keys);
            assert_eq!(ledger.sign_offs[0].proof, proof);
        }
    }

    #[test]
    fn a_signed_statement_takes_the_place_of_the_unsigned_one() {
        let (unsigned, signed) = (statement(&go()).unwrap(), statement(&signed(go(), 1)).unwrap());
        assert_eq!(unsigned.0, signed.0);
        assert_ne!(unsigned.1, signed.1);
    }

    #[test]
    fn what_is_not_proven_hides_nothing_that_is() {
        let mut keys = keys(&[("bob", "", 1)]);
        let good = statement(&signed(go(), 1)).unwrap();
        let forged = signed(go(), 2);
        let data = BTreeMap::from([good, ("999999999999.f".to_owned(), statement(&forged).unwrap().1)]);
        let ledger = read((&EnvName::new("a"), &here()), &data, now(), Some(&mut keys));
        assert_eq!(ledger.sign_offs.len(), 1);
        assert_eq!(ledger.sign_offs[0].proof, Proof::ByKey);
    }

    proptest! {
        #[test]
        fn no_change_of_a_byte_leaves_it_proven(at in any::<prop::sample::Index>(), to in any::<u8>(), in_key in any::<bool>()) {
            let mut keys = keys(&[("*", "", 1)]);
            let (key, value) = statement(&signed(go(), 1)).unwrap();
            let mut bytes = if in_key { key.clone() } else { value.clone() }.into_bytes();
            let at = at.index(bytes.len());
            prop_assume!(bytes[at] != to);
            bytes[at] = to;
            let Ok(changed) = String::from_utf8(bytes) else { return Ok(()) };
            let entry = if in_key { (changed, value) } else { (key, changed) };
            let ledger = read((&EnvName::new("a"), &here()), &BTreeMap::from([entry]), now(), Some(&mut keys));
            prop_assert!(ledger.sign_offs.iter().all(|sign| sign.proof != Proof::ByKey));
        }
    }
}
