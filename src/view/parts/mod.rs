//! The parts that screens are built from.

pub(crate) mod badge;
pub(crate) mod bar;
pub(crate) mod chart;
pub(crate) mod feed;
pub(crate) mod figures;
pub(crate) mod judged;
pub(crate) mod list;
pub(crate) mod panel;
pub(crate) mod plot;
pub(crate) mod row;
pub(crate) mod spark;
pub(crate) mod steps;
