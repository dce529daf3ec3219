//! The clouds of the vendor and where their API is.

use crate::base_url::BaseUrl;

/// The name of a cloud, without `.net`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct CloudName(String);

impl CloudName {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        // The vendor compares these names without regard to case.
        let name = text.to_ascii_lowercase();
        let name = name.strip_suffix(".net").unwrap_or(&name);
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || !name.chars().all(allowed) {
            return Err("it must be the name of a cloud alone, such as \"zscaler\" or \
                        \"zscalertwo\"; for any other host set `base_url`"
                .to_owned());
        }
        Ok(CloudName(name.to_owned()))
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

    /// What to try if that host cannot be reached: the vendor's documents name two.
    pub(super) fn hint(&self) -> String {
        format!(
            "If the tenant's portal is at another host, set `base_url`, for example to \
             \"https://mobile.{}.net/papi\".",
            self.0
        )
    }
}

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
        for text in ["", ".net", "zscaler.com", "api-mobile.zscaler.net", "a/b", "a b", "ä", "a@b"] {
            assert!(CloudName::parse(text).is_err(), "{text}");
        }
    }
}
