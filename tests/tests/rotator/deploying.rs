//! What `examples/deploy` has for containers: read as strictly as those who will use it, and tried out.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tokenferry_tests::binaries;

#[test]
fn the_manifests_are_what_kubernetes_publishes_as_right() {
    let checked = validate(&manifests());
    assert!(checked.status.success(), "{}", text(&checked));
    let folder = tempfile::tempdir().unwrap();
    let wrong = folder.path().join("wrong.yaml");
    let deployment = fs::read_to_string(example("kubernetes/deployment.yaml")).unwrap();
    fs::write(&wrong, deployment.replace("runAsNonRoot: true", "runAsNoRoot: true")).unwrap();
    assert!(!validate(&[wrong]).status.success(), "a mistake is noticed");
}

#[test]
fn everything_that_a_manifest_refers_to_is_there() {
    for folder in FOLDERS {
        let kustomization = parsed(&example(folder).join("kustomization.yaml"));
        for name in kustomization["resources"].as_array().unwrap() {
            assert!(example(folder).join(name.as_str().unwrap()).is_file(), "{name}");
        }
    }
    for shared in ["network-policy.yaml", "service-account.yaml"] {
        let [one, other] = FOLDERS.map(|folder| fs::read_to_string(example(folder).join(shared)).unwrap());
        assert_eq!(one, other, "{shared}");
    }
    for (manifest, pod) in pods() {
        let names = |list: &Value| -> Vec<String> {
            list.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
        };
        let container = &pod["containers"][0];
        assert_eq!(names(&pod["volumes"]), names(&container["volumeMounts"]), "{manifest}");
        let configuration = parsed(&example(folder(manifest)).join("configuration.yaml"));
        assert_eq!(pod["volumes"][0]["configMap"]["name"], configuration["metadata"]["name"], "{manifest}");
        let account = parsed(&example("kubernetes/service-account.yaml"));
        assert_eq!(pod["serviceAccountName"], account["metadata"]["name"], "{manifest}");
    }
}

#[test]
fn the_pods_may_do_nothing_that_they_need_not() {
    for (manifest, pod) in pods() {
        let (context, container) = (&pod["securityContext"], &pod["containers"][0]);
        assert_eq!(context["runAsNonRoot"], true, "{manifest}");
        assert_eq!(context["seccompProfile"]["type"], "RuntimeDefault", "{manifest}");
        let context = &container["securityContext"];
        assert_eq!(context["allowPrivilegeEscalation"], false, "{manifest}");
        assert_eq!(context["readOnlyRootFilesystem"], true, "{manifest}");
        assert_eq!(context["capabilities"]["drop"][0], "ALL", "{manifest}");
        assert_eq!(pod["automountServiceAccountToken"], false, "{manifest}");
        assert!(container["resources"]["limits"]["memory"].is_string(), "{manifest}");
    }
}

#[test]
fn the_pods_have_time_to_store_what_was_issued_and_are_never_two_unless_they_share_the_work() {
    for (manifest, pod) in pods() {
        assert!(pod["terminationGracePeriodSeconds"].as_u64() > Some(25), "{manifest}");
    }
    let deployment = parsed(&example("kubernetes/deployment.yaml"));
    assert_eq!(
        (&deployment["spec"]["replicas"], &deployment["spec"]["strategy"]["type"]),
        (&1.into(), &"Recreate".into())
    );
    let shared = &parsed(&example("kubernetes/cluster/deployment.yaml"))["spec"];
    let budget = &parsed(&example("kubernetes/cluster/pod-disruption-budget.yaml"))["spec"];
    assert_eq!((&shared["replicas"], &budget["minAvailable"]), (&2.into(), &1.into()), "one is always left");
    assert_eq!(budget["selector"], shared["selector"]);
    assert!(hcl("kubernetes/cluster").contains("cluster {"));
    let cron_job = parsed(&example("kubernetes/cron-job.yaml"));
    assert_eq!(cron_job["spec"]["concurrencyPolicy"], "Forbid");
    assert_eq!(cron_job["spec"]["jobTemplate"]["spec"]["backoffLimit"], 0);
}

#[test]
fn the_daemon_is_asked_where_it_listens() {
    for folder in FOLDERS {
        let deployment = parsed(&example(folder).join("deployment.yaml"));
        let template = &deployment["spec"]["template"];
        let container = &template["spec"]["containers"][0];
        let port = &container["ports"][0];
        assert!(hcl(folder).contains(&format!("listen = \"0.0.0.0:{}\"", port["containerPort"])));
        for (probe, path) in [("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")] {
            let asked = &container[probe]["httpGet"];
            assert_eq!((&asked["path"], &asked["port"]), (&path.into(), &port["name"]));
        }
        let annotation = &template["metadata"]["annotations"]["prometheus.io/port"];
        assert_eq!(annotation.as_str().unwrap(), port["containerPort"].to_string());
    }
}

#[test]
fn nobody_reaches_the_daemon_but_those_who_are_meant_to() {
    let spec = &parsed(&example("kubernetes/network-policy.yaml"))["spec"];
    let deployment = parsed(&example("kubernetes/deployment.yaml"));
    let template = &deployment["spec"]["template"];
    assert_eq!(spec["podSelector"]["matchLabels"], template["metadata"]["labels"]);
    assert_eq!(spec["policyTypes"], serde_json::json!(["Ingress"]));
    let rules = spec["ingress"].as_array().unwrap();
    for rule in rules {
        assert!(!rule["from"].as_array().unwrap().is_empty(), "no `from` is everybody");
        let ports: Vec<&Value> = rule["ports"].as_array().unwrap().iter().map(|port| &port["port"]).collect();
        assert_eq!(ports, [&template["spec"]["containers"][0]["ports"][0]["name"]]);
    }
    assert_eq!(rules.len(), 1);
}

/// With the arguments of the pods, where the pods have it.
#[test]
fn the_configuration_in_the_manifests_is_right_and_proven() {
    for folder in FOLDERS {
        let here = tempfile::tempdir().unwrap();
        fs::write(here.path().join("tokenferry.hcl"), hcl(folder)).unwrap();
        let mut command = Command::new(binaries::rotator());
        command.env_clear().args(["validate", "--offline", "--strict", "--config"]).arg(here.path());
        let validated = command.output().unwrap();
        assert!(validated.status.success(), "{}", text(&validated));
    }
    for (manifest, pod) in pods() {
        let arguments = pod["containers"][0]["args"].as_array().unwrap().clone();
        let arguments: Vec<&str> = arguments.iter().map(|argument| argument.as_str().unwrap()).collect();
        let help = Command::new(binaries::rotator()).args(&arguments).arg("--help").output().unwrap();
        assert!(help.status.success(), "{manifest}: {}", text(&help));
        let mounts: Vec<&Value> = pod["containers"][0]["volumeMounts"].as_array().unwrap().iter().collect();
        let is_mounted =
            |path: &str| mounts.iter().any(|mount| path.starts_with(mount["mountPath"].as_str().unwrap()));
        assert!(arguments.windows(2).any(|pair| pair[0] == "--config" && is_mounted(pair[1])), "{manifest}");
        let hcl = hcl(folder(manifest));
        let files: Vec<&str> =
            hcl.lines().filter_map(|line| line.split("file = \"").nth(1)?.split('"').next()).collect();
        assert_eq!(files.len(), if hcl.contains("cluster {") { 4 } else { 2 });
        assert!(files.into_iter().all(is_mounted), "{manifest}");
    }
}

#[test]
fn the_image_holds_one_program_and_nobody_is_root_in_it() {
    let dockerfile = Dockerfile::read();
    assert_eq!(dockerfile.all("FROM"), ["scratch"], "nothing is fetched, and there is no shell");
    let copied: Vec<&str> = dockerfile.all("COPY");
    // What an archive of the rotator holds; the certificates come from the machine that builds the image.
    let sources = ["ca-certificates.crt", "LICENSE", "tokenferry"];
    let from = |line: &str| line.split(' ').find(|word| !word.starts_with("--")).unwrap().to_owned();
    assert_eq!(copied.iter().map(|line| from(line)).collect::<Vec<_>>(), sources);
    assert!(copied[0].starts_with("--from=certificates "), "{copied:?}");
    for line in &copied {
        assert!(line.rsplit(' ').next().unwrap().starts_with('/'), "{line}: a whole path");
    }
    let [user] = dockerfile.all("USER")[..] else { panic!("one user") };
    let (user, group) = user.split_once(':').unwrap();
    assert!(user.parse::<u32>().unwrap() > 0 && group.parse::<u32>().unwrap() > 0, "no name, and not root");
    for instruction in ["ADD", "RUN", "SHELL", "HEALTHCHECK", "ARG", "ENV", "VOLUME"] {
        assert!(dockerfile.all(instruction).is_empty(), "{instruction}");
    }
}

#[test]
fn the_image_starts_the_daemon_as_the_pods_do() {
    let dockerfile = Dockerfile::read();
    // The exec form is JSON: no shell is asked.
    let list = |instruction: &str| -> Vec<String> {
        let [line] = dockerfile.all(instruction)[..] else { panic!("one {instruction}") };
        serde_json::from_str(line).unwrap()
    };
    assert_eq!(list("ENTRYPOINT"), ["/tokenferry"]);
    let deployment = parsed(&example("kubernetes/deployment.yaml"));
    let arguments = deployment["spec"]["template"]["spec"]["containers"][0]["args"].clone();
    assert_eq!(serde_json::to_value(list("CMD")).unwrap(), arguments);
    assert_eq!(dockerfile.all("STOPSIGNAL"), ["SIGTERM"]);
}

/// The instructions of the one that is published.
struct Dockerfile(Vec<(String, String)>);

impl Dockerfile {
    fn read() -> Self {
        let text = fs::read_to_string(example("docker/Dockerfile")).unwrap();
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let split = lines.map(|line| {
            assert!(!line.ends_with('\\') && !line.starts_with(' '), "one line, one instruction: {line}");
            let (instruction, rest) = line.split_once(' ').unwrap();
            assert!(instruction.chars().all(|letter| letter.is_ascii_uppercase()), "{line}");
            (instruction.to_owned(), rest.to_owned())
        });
        Dockerfile(split.collect())
    }

    fn all(&self, instruction: &str) -> Vec<&str> {
        let meant = self.0.iter().filter(|(name, _)| name == instruction);
        meant.map(|(_, rest)| rest.as_str()).collect()
    }
}

/// What all manifests have for pods, by file.
fn pods() -> BTreeMap<&'static str, Value> {
    let deployment = parsed(&example("kubernetes/deployment.yaml"));
    let cron_job = parsed(&example("kubernetes/cron-job.yaml"));
    let shared = parsed(&example("kubernetes/cluster/deployment.yaml"));
    let job = &cron_job["spec"]["jobTemplate"];
    [("deployment", &deployment), ("cron-job", job), ("cluster/deployment", &shared)]
        .map(|(name, of)| (name, of["spec"]["template"]["spec"].clone()))
        .into()
}

/// Where the configuration of the pods of a manifest stands.
fn folder(manifest: &str) -> &'static str {
    FOLDERS[usize::from(manifest.starts_with("cluster/"))]
}

fn hcl(folder: &str) -> String {
    let configuration = parsed(&example(folder).join("configuration.yaml"));
    configuration["data"]["tokenferry.hcl"].as_str().unwrap().to_owned()
}

/// All that Kubernetes itself has a schema for.
fn manifests() -> Vec<PathBuf> {
    let files = FOLDERS.into_iter().flat_map(|folder| fs::read_dir(example(folder)).unwrap());
    let files = files.map(|file| file.unwrap().path()).filter(|path| path.is_file());
    let manifests: Vec<PathBuf> = files.filter(|path| !path.ends_with("kustomization.yaml")).collect();
    assert_eq!(manifests.len(), 10);
    manifests
}

fn validate(manifests: &[PathBuf]) -> Output {
    Command::new(binaries::kubernetes_validate()).arg("--strict").args(manifests).output().unwrap()
}

/// Read by the YAML library that the validator brings along.
fn parsed(manifest: &Path) -> Value {
    let python = binaries::kubernetes_validate().with_file_name("python");
    let script = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))";
    let read = Command::new(python).args(["-c", script]).arg(manifest).output().unwrap();
    assert!(read.status.success(), "{}", text(&read));
    serde_json::from_slice(&read.stdout).unwrap()
}

fn example(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/deploy").join(path)
}

fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}

/// One rotator, and two that share the work.
const FOLDERS: [&str; 2] = ["kubernetes", "kubernetes/cluster"];
