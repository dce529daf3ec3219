//! The provider: its block, and the list of everything it offers.

use std::sync::Arc;

use async_trait::async_trait;
use tfplugin::{
    ActionHandle, Answer, DataSourceHandle, Diagnostics, EphemeralResourceHandle, Function, Host, Provider,
    Schema,
};
use tokenferry_sources::{ProcessEnvironment, SYSTEMS};

use crate::block::{self, Block};
use crate::functions::{JwtClaims, JwtExpiresAt};
use crate::kinds::{AsDataSource, AsEphemeralResource};
use crate::rotated::RotatedToken;
use crate::systems::Systems;
use crate::token::{EphemeralToken, TokenReading};
use crate::totp::Totp;
use crate::user_agent;
use crate::zscaler::{
    ZscalerDevice, ZscalerDevices, ZscalerOtp, ZscalerProfilePasswords, ZscalerRemoveDevices,
};

/// `provider "tokenferry"`.
pub(crate) struct Tokenferry;

#[async_trait]
impl Provider for Tokenferry {
    type Config = Block;
    type Configured = Systems;

    fn schema(&self) -> Schema {
        block::schema()
    }

    async fn configure(&self, mut block: Block, host: &Host) -> Result<Answer<Systems>, Diagnostics> {
        block.http.user_agent = user_agent::of(host, &ProcessEnvironment)?;
        Systems::new(&block, Arc::new(ProcessEnvironment))
    }

    fn data_sources(&self) -> Vec<DataSourceHandle<Systems>> {
        let tokens =
            SYSTEMS.iter().map(|system| DataSourceHandle::new(AsDataSource(TokenReading { system })));
        let others = [
            DataSourceHandle::new(AsDataSource(RotatedToken)),
            DataSourceHandle::new(AsDataSource(ZscalerDevice)),
            DataSourceHandle::new(AsDataSource(ZscalerDevices)),
            DataSourceHandle::new(AsDataSource(ZscalerOtp)),
            DataSourceHandle::new(AsDataSource(ZscalerProfilePasswords)),
        ];
        tokens.chain(others).collect()
    }

    fn ephemeral_resources(&self) -> Vec<EphemeralResourceHandle<Systems>> {
        let tokens = SYSTEMS
            .iter()
            .map(|system| EphemeralResourceHandle::new(EphemeralToken(TokenReading { system })));
        let others = [
            EphemeralResourceHandle::new(AsEphemeralResource(RotatedToken)),
            EphemeralResourceHandle::new(AsEphemeralResource(ZscalerOtp)),
            EphemeralResourceHandle::new(AsEphemeralResource(ZscalerProfilePasswords)),
            EphemeralResourceHandle::new(Totp),
        ];
        tokens.chain(others).collect()
    }

    fn functions(&self) -> Vec<Box<dyn Function>> {
        vec![Box::new(JwtClaims), Box::new(JwtExpiresAt)]
    }

    fn actions(&self) -> Vec<ActionHandle<Systems>> {
        vec![ActionHandle::new(ZscalerRemoveDevices)]
    }

    async fn release(&self, systems: &Systems) {
        systems.owed().release(systems.clock()).await;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use tfplugin::SchemaUse;

    #[test]
    fn terraform_accepts_every_schema() {
        let provider = Tokenferry.schema().problems(SchemaUse::Provider);
        assert_eq!(provider, Vec::<String>::new());
        let data_sources = Tokenferry.data_sources();
        let data_sources = data_sources.iter().map(|handle| (handle.type_name(), handle.schema()));
        let ephemeral_resources = Tokenferry.ephemeral_resources();
        let ephemeral_resources =
            ephemeral_resources.iter().map(|handle| (handle.type_name(), handle.schema()));
        let actions = Tokenferry.actions();
        let actions = actions.iter().map(|handle| (handle.type_name(), handle.schema()));
        for (name, schema) in data_sources.chain(ephemeral_resources).chain(actions) {
            assert_eq!(schema.problems(SchemaUse::Resource), Vec::<String>::new(), "{name}");
            assert!(!schema.description.is_empty(), "{name}");
        }
    }

    #[test]
    fn every_data_source_says_what_is_stored_and_names_its_ephemeral_twin() {
        let twins: BTreeSet<String> =
            Tokenferry.ephemeral_resources().iter().map(|handle| handle.type_name().to_owned()).collect();
        for handle in Tokenferry.data_sources() {
            let description = &handle.schema().description;
            let first = description.split("\n\n").next().unwrap();
            assert!(first.contains("stored in the state"), "{}: {first}", handle.type_name());
            let twin = first.contains(&format!("ephemeral resource `{}`", handle.type_name()));
            assert_eq!(twin, twins.contains(handle.type_name()), "{first}");
            assert!(first.contains("login"), "calls are counted: {first}");
        }
    }

    #[test]
    fn everything_secret_is_sensitive() {
        for handle in Tokenferry.ephemeral_resources() {
            for attribute in &handle.schema().attributes {
                let secret = SECRET.contains(&attribute.name.as_str());
                assert_eq!(attribute.sensitive, secret, "{}.{}", handle.type_name(), attribute.name);
            }
        }
    }

    const SECRET: [&str; 9] =
        ["code", "header_value", "otp", "otps", "password", "passwords", "secret", "token", "uri"];
}
