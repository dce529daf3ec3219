//! Policies in HCL.

use std::fmt;

use super::{Group, Policy, Program, Rule};

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.program {
            Program::Rotator => f.write_str(ROTATOR)?,
            Program::Reader => f.write_str(READER)?,
        }
        let mut group = None;
        for rule in &self.rules {
            if group.replace(rule.group) != Some(rule.group) {
                write!(f, "\n# {}\n", rule.group.title(self.program))?;
            }
            write!(f, "\n{}{rule}\n", Comment(rule))?;
        }
        Ok(())
    }
}

/// The line of a policy.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let capabilities: Vec<String> = self.capabilities.iter().map(|name| format!("\"{name}\"")).collect();
        let path = self.path.replace('\\', r"\\").replace('"', "\\\"");
        write!(f, "path \"{path}\" {{ capabilities = [{}] }}", capabilities.join(", "))
    }
}

/// What stands above the line.
struct Comment<'a>(&'a Rule);

impl fmt::Display for Comment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Comment(Rule { needed_by, remarks, .. }) = self;
        for by in needed_by.iter().take(MOST_NAMED) {
            writeln!(f, "# {by}")?;
        }
        if let more @ 1.. = needed_by.len().saturating_sub(MOST_NAMED) {
            writeln!(f, "# and {more} more")?;
        }
        remarks.iter().try_for_each(|remark| writeln!(f, "# note: {remark}"))
    }
}

impl Group {
    fn title(self, program: Program) -> &'static str {
        match (self, program) {
            (Group::Destinations, Program::Rotator) => "Where tokens are written.",
            (Group::Destinations, Program::Reader) => "Where tokens stand.",
            (Group::Secrets, _) => "What sources log in with.",
            (Group::OwnToken, _) => "The rotator's own token. Not needed where it has the policy `default`.",
        }
    }
}

const ROTATOR: &str =
    "# The least policy of the rotator. Load it with:  tokenferry policy | bao policy write NAME -\n";
const READER: &str =
    "# The least policy of readers. Load it with:  tokenferry policy --reader | bao policy write NAME -\n";
const MOST_NAMED: usize = 5;
