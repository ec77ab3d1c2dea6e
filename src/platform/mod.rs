//! Infrastructure that several rooms share, below all of them but the domain.

pub mod kube_client;
pub mod kubeconfig;
pub mod private_files;
pub mod redact;
pub mod tls;
pub mod variables;

pub use redact::Redactor;
pub use variables::Variables;
