//! What can keep the simulator from running.

use std::io;
use std::path::PathBuf;

/// Why a simulation could not be started or used.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// There is no such scenario.
    #[error("there is no scenario {name:?}; there are {known}")]
    UnknownScenario { name: String, known: String },
    /// A scenario's data makes no sense.
    #[error("scenario {name:?}: {why}")]
    BadScenario {
        name: String,
        /// What is wrong, and where.
        why: String,
    },
    /// A server could not be opened on loopback.
    #[error("cannot listen on 127.0.0.1")]
    Listen(#[source] io::Error),
    /// A file could not be written.
    #[error("cannot write {}", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// A cluster refused what the simulator asked of it.
    #[error("cluster {cluster:?} refused: {why}")]
    Refused { cluster: String, why: String },
    /// The runtime went away while the clusters were prepared.
    #[error("interrupted while preparing the clusters")]
    Interrupted,
    /// Something that was waited for did not happen.
    #[error("waited {0:?} in vain")]
    Waited(std::time::Duration),
}
