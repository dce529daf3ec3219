//! The clouds of the vendor and where their API is.

use crate::base_url::BaseUrl;
use crate::nearest::closest;

/// The name of a cloud, without `.net`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct CloudName(String);

impl CloudName {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        // The vendor compares these names without regard to case.
        let name = text.to_ascii_lowercase();
        let name = name.strip_suffix(".net").unwrap_or(&name);
        if !is_label(name) {
            return Err("it must be the name of a cloud alone, such as \"zscaler\" or \
                        \"zscalertwo\"; for any other host set `base_url`"
                .to_owned());
        }
        match misspelt(name) {
            Some(meant) => Err(format!(
                "no cloud of this name is known: did you mean \"{meant}\"? If it is really called so, set `base_url` \
                 in place of `cloud`"
            )),
            None => Ok(CloudName(name.to_owned())),
        }
    }

    /// Where the API of this cloud is.
    pub(super) fn base_url(&self) -> Option<BaseUrl> {
        // The one cloud where the host of all others fails.
        let host = if self.0 == "zscalerten" {
            "mobile6.zscalerten.net".to_owned()
        } else {
            format!("api-mobile.{}.net", self.0)
        };
        BaseUrl::parse(&format!("https://{host}/papi"), false).ok()
    }

    /// Where OneAPI is for this cloud.
    pub(super) fn one_api(&self) -> Option<BaseUrl> {
        let host = match self.0.as_str() {
            PRODUCTION => "api.zsapi.net".to_owned(),
            "gov" => "api.zscalergov.net".to_owned(),
            "govus" => "api.zscalergov.us".to_owned(),
            cloud => format!("api.{cloud}.zsapi.net"),
        };
        BaseUrl::parse(&format!("https://{host}/zcc/papi"), false).ok()
    }

    /// Where ZIdentity issues the tokens of a tenant of this cloud.
    pub(super) fn token_url(&self, vanity: &VanityDomain) -> Option<BaseUrl> {
        let vanity = &vanity.0;
        let host = match self.0.as_str() {
            PRODUCTION => format!("{vanity}.zslogin.net"),
            "gov" => format!("{vanity}.zidentitygov.net"),
            "govus" => format!("{vanity}.zidentitygov.us"),
            cloud => format!("{vanity}.zslogin{cloud}.net"),
        };
        BaseUrl::parse(&format!("https://{host}/oauth2/v1/token"), false).ok()
    }

    /// What to try if that host cannot be reached: the vendor's documents name two.
    pub(super) fn hint(&self) -> String {
        format!(
            "If the tenant's portal is at another host, set `base_url`, for example to \
             \"https://mobile.{}.net/papi\".",
            self.0
        )
    }
}

/// The cloud that was meant by a name close to it. Keys would go to whoever owns the name that is written. What begins
/// as the vendor's names do may be a new cloud.
fn misspelt(name: &str) -> Option<&'static str> {
    let is_new = name.starts_with("zscaler") || name.len() < SHORTEST_TO_COMPARE;
    let meant = || closest(name, API_KEY_CLOUDS).filter(|meant| *meant != name);
    if is_new { None } else { meant() }
}

/// The cloud of most tenants of OneAPI.
impl Default for CloudName {
    fn default() -> Self {
        CloudName(PRODUCTION.to_owned())
    }
}

/// The name of a tenant in ZIdentity: the first part of the host where its people log in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct VanityDomain(String);

impl VanityDomain {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if !is_label(text) {
            return Err("it must be the first part of the tenant's login host alone, such as \"acme\" of \
                        acme.zslogin.net; for any other host set `token_url`"
                .to_owned());
        }
        Ok(VanityDomain(text.to_ascii_lowercase()))
    }
}

/// Whether a text can be one part of the name of a host.
fn is_label(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (1..=63).contains(&text.len())
        && text.chars().all(allowed)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

const PRODUCTION: &str = "production";
/// Clouds of API keys.
const API_KEY_CLOUDS: [&str; 8] = [
    "zscaler",
    "zscalerbeta",
    "zscalergov",
    "zscalerone",
    "zscalerten",
    "zscalerthree",
    "zscalertwo",
    "zscloud",
];
/// The names of clouds of OneAPI are shorter.
const SHORTEST_TO_COMPARE: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cloud_has_its_host() {
        let cases = [
            ("zscalertwo", "https://api-mobile.zscalertwo.net/papi"),
            ("zscloud.net", "https://api-mobile.zscloud.net/papi"),
            ("zscalerten", "https://mobile6.zscalerten.net/papi"),
            ("ZscalerTwo.NET", "https://api-mobile.zscalertwo.net/papi"),
            ("zscalerten.net", "https://mobile6.zscalerten.net/papi"),
        ];
        for (name, url) in cases {
            assert_eq!(CloudName::parse(name).unwrap().base_url().unwrap().to_string(), url);
        }
        assert!(
            CloudName::parse("zscalertwo").unwrap().hint().contains("https://mobile.zscalertwo.net/papi")
        );
    }

    #[test]
    fn what_is_no_cloud_name_is_refused() {
        for text in ["", ".net", "zscaler.com", "api-mobile.zscaler.net", "a/b", "a b", "ä", "a@b", "-", "-a"]
        {
            assert!(CloudName::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_misspelt_cloud_is_refused_and_a_new_one_is_not() {
        let problem = CloudName::parse("zscalrtwo").unwrap_err();
        assert!(problem.contains("did you mean \"zscalertwo\"?"), "{problem}");
        assert!(CloudName::parse("zcsaler.net").is_err());
        for name in API_KEY_CLOUDS {
            assert!(CloudName::parse(name).is_ok(), "{name}");
        }
        for new in ["zscalerfour", "zspreview", "production", "alpha", "govus", "example"] {
            assert!(CloudName::parse(new).is_ok(), "{new}");
        }
    }

    /// The table of hosts in section 2 of the fact sheet.
    #[test]
    fn a_cloud_has_its_hosts_of_one_api() {
        let cases = [
            ("production", "acme.zslogin.net", "api.zsapi.net"),
            ("beta", "acme.zsloginbeta.net", "api.beta.zsapi.net"),
            ("BETA", "acme.zsloginbeta.net", "api.beta.zsapi.net"),
            ("gov", "acme.zidentitygov.net", "api.zscalergov.net"),
            ("govus", "acme.zidentitygov.us", "api.zscalergov.us"),
        ];
        let vanity = VanityDomain::parse("Acme").unwrap();
        for (name, issuer, api) in cases {
            let cloud = CloudName::parse(name).unwrap();
            let token_url = cloud.token_url(&vanity).unwrap().to_string();
            assert_eq!(token_url, format!("https://{issuer}/oauth2/v1/token"), "{name}");
            assert_eq!(cloud.one_api().unwrap().to_string(), format!("https://{api}/zcc/papi"), "{name}");
        }
        assert_eq!(CloudName::default(), CloudName::parse("Production").unwrap());
    }

    #[test]
    fn what_is_no_vanity_domain_is_refused() {
        for text in [
            "",
            "-acme",
            "acme-",
            &"a".repeat(64),
            "acme.zslogin.net",
            "https://acme",
            "a/b",
            "a b",
            "a@b",
            "ä",
        ] {
            assert!(VanityDomain::parse(text).is_err(), "{text}");
        }
    }
}
