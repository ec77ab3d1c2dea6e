//! What comes from outside does no harm, and what is secret stays so: screens, reports, files, programs that are run.

mod anchors;
mod clusters;
mod echo;
mod files;
mod outlets;
mod program;
mod secrets;
mod signatures;
mod strings;
