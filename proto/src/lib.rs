//! Messages and gRPC bindings of Terraform's plugin protocol 6.11 ([`tfplugin6`]) and of go-plugin's own
//! services ([`goplugin`]), generated from the files in `proto/`. Nothing here is written by hand.
//!
//! Calls that a server does not implement answer UNIMPLEMENTED. Clients come with the feature `client`.

/// Protocol 6 as Terraform and OpenTofu speak it.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, reason = "generated")]
pub mod tfplugin6 {
    tonic::include_proto!("tfplugin6");
}

/// The services that go-plugin hosts expect beside the provider's own.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, reason = "generated")]
pub mod goplugin {
    tonic::include_proto!("plugin");
}
