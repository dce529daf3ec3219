//! Configuration files of Terraform's command line, which say where providers come from. `TF_CLI_CONFIG_FILE` names one.

use std::path::Path;

use crate::mirror::Mirror;

/// Providers with these addresses come from the mirror, and no other can be installed.
pub fn mirror_only(mirror: &Mirror, addresses: &[String]) -> String {
    installation(&filesystem_mirror(mirror, addresses))
}

/// Providers with these addresses come from the mirror, all others from where they are registered.
pub fn mirror_with_registry(mirror: &Mirror, addresses: &[String]) -> String {
    let direct = format!("  direct {{\n    exclude = {}\n  }}\n", list(addresses));
    installation(&(filesystem_mirror(mirror, addresses) + &direct))
}

/// Providers are started where they stand, in the folder that goes with each address, without `terraform init`.
pub fn dev_overrides(overrides: &[(&str, &Path)]) -> String {
    let line = |(address, folder): &(&str, &Path)| {
        format!("    {} = {}\n", quoted(address), quoted(&folder.display().to_string()))
    };
    let lines = overrides.iter().map(line).collect::<Vec<_>>().concat();
    installation(&format!("  dev_overrides {{\n{lines}  }}\n  direct {{}}\n"))
}

fn filesystem_mirror(mirror: &Mirror, addresses: &[String]) -> String {
    let folder = quoted(&mirror.folder().display().to_string());
    format!("  filesystem_mirror {{\n    path    = {folder}\n    include = {}\n  }}\n", list(addresses))
}

fn installation(methods: &str) -> String {
    format!("provider_installation {{\n{methods}}}\n")
}

fn list(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", "))
}

/// A string as HCL writes it.
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace("${", "$${").replace("%{", "%%{");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted_for_hcl() {
        assert_eq!(quoted(r#"a"b\c${d}"#), r#""a\"b\\c$${d}""#);
    }

    #[test]
    fn what_comes_from_the_mirror_is_looked_for_nowhere_else() {
        let text =
            mirror_with_registry(&Mirror::new(Path::new("/srv/mirror")), &["h/n/t".into(), "i/n/t".into()]);
        let expected = r#"provider_installation {
  filesystem_mirror {
    path    = "/srv/mirror"
    include = ["h/n/t", "i/n/t"]
  }
  direct {
    exclude = ["h/n/t", "i/n/t"]
  }
}
"#;
        assert_eq!(text, expected);
        assert!(!mirror_only(&Mirror::new(Path::new("/srv/mirror")), &["h/n/t".into()]).contains("direct"));
    }
}
