//! The provider block: one nested attribute for each system, with the fields that the system itself describes, and
//! the settings of all requests.

use std::collections::BTreeMap;

use tfplugin::{Attribute, ConfigReader, FromConfig, Schema, Setting};
use tokenferry_sources::{Field, Given, GivenFields, HTTP_FIELDS, Home, HttpSettings, SYSTEMS, System};

use crate::{fields, vault};

const DESCRIPTION: &str = "\
Carries access tokens and one-time passwords from the systems that issue them into Terraform.

Set only what your reads need: each system has one attribute, and most of its settings can come from environment \
variables instead. `terraform validate` needs no credential and sends nothing.

Terraform leaves out, without a message, names that do not exist within an attribute such as `zscaler = { … }`: a \
misspelt one there counts as not set.";

const VAULT: &str = "vault";

const VAULT_DESCRIPTION: &str = "\
HashiCorp Vault or OpenBao, where the tokenferry rotator keeps tokens. Asked only by `tokenferry_rotated_token` and \
`prefer_rotated`. At most one of `token`, `token_file`, `approle` and `jwt` is set. Certificates are always verified: \
`VAULT_SKIP_VERIFY` is refused.";

/// What the user wrote.
#[derive(Debug)]
pub(crate) struct Block {
    /// By system name; systems without an attribute are absent.
    pub(crate) systems: BTreeMap<&'static str, GivenFields>,
    /// How to reach Vault; `None` if that is not known yet as a whole.
    pub(crate) vault: Option<GivenFields>,
    /// What holds for all requests.
    pub(crate) http: HttpSettings,
    /// Attributes of the block that are not known yet as a whole.
    pub(crate) unknown: Vec<&'static str>,
}

/// The shape of the block.
pub(crate) fn schema() -> Schema {
    let systems = systems().map(|system| {
        let attribute = |field: &'static Field| fields::attribute(field, &system.variables(field));
        Attribute::object(system.name, system.fields.iter().map(attribute))
            .optional()
            .describe(system.summary)
    });
    let vault =
        Attribute::object(VAULT, fields::attributes(vault::FIELDS)).optional().describe(VAULT_DESCRIPTION);
    Schema::new(DESCRIPTION).with_all(systems).with(vault).with_all(fields::attributes(HTTP_FIELDS))
}

/// The systems whose settings stand here, once for all reads.
pub(crate) fn systems() -> impl Iterator<Item = &'static System> {
    SYSTEMS.iter().copied().filter(|system| system.home == Home::ProviderBlock)
}

impl FromConfig for Block {
    fn from_config(reader: &mut ConfigReader<'_>) -> Self {
        let given = fields::read(HTTP_FIELDS, reader);
        let http = HttpSettings::from_given(&given).unwrap_or_else(|problems| {
            fields::report(reader, HTTP_FIELDS, problems);
            HttpSettings::default()
        });
        let unknown =
            HTTP_FIELDS.iter().filter(|field| matches!(given.get(field.name), Some(Given::Unknown)));
        let mut unknown: Vec<_> = unknown.map(|field| field.name).collect();
        let mut systems = BTreeMap::new();
        for system in self::systems() {
            match reader.object(system.name) {
                Setting::Known(nested) => drop(systems.insert(system.name, system_block(system, nested))),
                Setting::Null => {}
                Setting::Unknown => unknown.push(system.name),
            }
        }
        let vault = match reader.object(VAULT) {
            Setting::Known(nested) => Some(vault_block(nested)),
            Setting::Null => Some(GivenFields::new()),
            Setting::Unknown => None,
        };
        Self { systems, vault, http, unknown }
    }
}

fn system_block(system: &'static System, mut reader: ConfigReader<'_>) -> GivenFields {
    let given = fields::read(system.fields, &mut reader);
    fields::report(&mut reader, system.fields, system.check(&given));
    given
}

fn vault_block(mut reader: ConfigReader<'_>) -> GivenFields {
    let given = fields::read(vault::FIELDS, &mut reader);
    fields::report(&mut reader, vault::FIELDS, vault::check(&given));
    given
}
