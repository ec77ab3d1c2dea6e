//! `[argo_cd]`: where Argo CD keeps its applications.

use super::reader::{Reader, Table};
use super::section::{Kind, Section, keys};
use crate::domain::world::ArgoCdPlace;

pub(super) const SECTION: Section = Section {
    header: "[argo_cd]",
    help: "Where Argo CD keeps the applications that own workloads; needed only where it is somewhere else.",
    needed: &[],
    groups: &[FIELDS],
};

keys! {
    ArgoCdPlace = ArgoCdPlace::default();
    context: text, "Kube context of the cluster that Argo CD runs in; by default that of the environment.";
    namespace: by_hand(Kind::Text, "\"argocd\""), "Namespace of its applications.";
}

pub(super) fn read(reader: &mut Reader, table: &Table<'_>, into: &mut ArgoCdPlace) {
    read_keys(reader, table, into);
    if let Some(namespace) = super::environment::namespace(reader, table) {
        into.namespace = namespace;
    }
}
