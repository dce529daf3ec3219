//! `completions` and `man`: they need no configuration, and their readers understand them.

use std::fs;
use std::process::Command;

use tokenferry_tests::rotator::Rotator;

#[tokio::test]
async fn a_shell_understands_the_script_that_it_gets() {
    let rotator = Rotator::new("no configuration at all");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = rotator.run(&["completions", shell]).await.ok().stdout;
        assert!(script.contains("explain") && script.contains("tokenferry"), "{shell}: {script}");
    }
    let script = rotator.run(&["completions", "bash"]).await.ok().stdout;
    let path = rotator.write("completions.bash", &script);
    let ask = "source $0; COMP_WORDS=(tokenferry val); COMP_CWORD=1; _tokenferry tokenferry val tokenferry; echo ${COMPREPLY[@]}";
    let answer = Command::new("bash").args(["-c", ask]).arg(path).output().unwrap();
    assert_eq!(String::from_utf8(answer.stdout).unwrap(), "validate\n", "{:?}", answer.stderr);
    rotator.run(&["completions", "tcsh"]).await.failed_with(2);
}

#[tokio::test]
async fn there_is_one_manual_page_or_one_for_each_command() {
    let rotator = Rotator::new("no configuration at all");
    let page = rotator.run(&["man"]).await.ok().stdout;
    for part in [".TH tokenferry 1", ".SS tokenferry explain", ".SH EXIT STATUS", "VAULT_ADDR"] {
        assert!(page.contains(part), "{part} is missing in:\n{page}");
    }
    rotator.run(&["man", "--folder", "share/man1"]).await.ok();
    let folder = rotator.directory().join("share/man1");
    let mut pages: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    pages.sort();
    assert!(
        pages.contains(&"tokenferry.1".to_owned()) && pages.contains(&"tokenferry-once.1".to_owned()),
        "{pages:?}"
    );
    let once = fs::read_to_string(folder.join("tokenferry-once.1")).unwrap();
    assert!(once.contains("Do what is due") && once.contains("force"), "{once}");

    rotator.write("taken", "");
    let failed = rotator.run(&["man", "--folder", "taken"]).await.failed_with(1);
    assert!(failed.stderr.starts_with("taken could not be written: "), "{}", failed.stderr);
}
