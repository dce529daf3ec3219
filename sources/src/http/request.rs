//! One request of a chain: its parts, and how they are filled in.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderName};
use secrecy::{ExposeSecret, SecretString};
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use super::issue::unusable;
use super::json::JsonTemplate;
use super::take::Take;
use super::target::Target;
use super::template::{Known, Placeholder, Template};
use crate::transport::{Body, Patience, Request};
use crate::{Attempt, SourceError};

/// One request with its placeholders, and what is taken from its answer.
pub(super) struct RequestPlan {
    pub(super) method: Method,
    pub(super) target: Target,
    pub(super) query: Vec<(String, Template)>,
    pub(super) headers: Vec<(HeaderName, Template)>,
    pub(super) basic_auth: Option<(Template, Template)>,
    pub(super) body: Option<BodyPlan>,
    pub(super) values: Vec<Take>,
}

pub(super) enum BodyPlan {
    Form(Vec<(String, Template)>),
    Json(JsonTemplate),
}

impl RequestPlan {
    /// Scheme, host and port.
    pub(super) fn origin(&self) -> &Url {
        self.target.origin()
    }

    /// Whether a value of this name is taken from its answer.
    pub(super) fn takes(&self, name: &str) -> bool {
        self.values.iter().any(|take| &**take.name() == name)
    }

    /// The literal user name of its Basic authentication.
    pub(super) fn username(&self) -> Option<String> {
        let (username, _) = self.basic_auth.as_ref()?;
        let nothing = BTreeMap::new();
        username.is_bare_text().then(|| username.fill(&Known::new(&nothing)).to_string())
    }

    /// The request with everything filled in.
    pub(super) fn fill(&self, known: &Known<'_>, attempt: Attempt) -> Result<Request, SourceError> {
        let astray = |placeholder: &Placeholder| {
            unusable(&attempt, &placeholder.to_string(), "in the path", "it is empty, `.` or `..` there")
        };
        let url = self.target.fill(known, &self.query).map_err(|astray_at| astray(&astray_at.0))?;
        // A read may be repeated whenever it took too long; anything else could have done its work.
        let patience = if self.method == Method::GET { Patience::Read } else { Patience::Login };
        let mut request = Request::new(attempt, self.method.clone(), url, patience);
        request.shown_path = Some(self.target.shown_path().into());
        request.secrets = known.all();
        for (name, template) in &self.headers {
            fill_header(&mut request, name, template, known)?;
        }
        if let Some((username, password)) = &self.basic_auth {
            fill_basic(&mut request, username, password, known)?;
        }
        request.body = self.body.as_ref().map(|body| body.fill(known));
        Ok(request)
    }
}

impl BodyPlan {
    fn fill(&self, known: &Known<'_>) -> Body {
        match self {
            BodyPlan::Json(template) => {
                Body { content_type: "application/json", bytes: template.fill(known) }
            }
            BodyPlan::Form(pairs) => {
                let mut form = form_urlencoded::Serializer::new(String::with_capacity(8192));
                for (name, template) in pairs {
                    form.append_pair(name, &template.fill(known));
                }
                let bytes = Zeroizing::new(form.finish().into_bytes());
                Body { content_type: "application/x-www-form-urlencoded", bytes }
            }
        }
    }
}

fn fill_header(
    request: &mut Request,
    name: &HeaderName,
    template: &Template,
    known: &Known<'_>,
) -> Result<(), SourceError> {
    if let Some(placeholder) = template.find(known, |text| text.chars().any(char::is_control)) {
        let usage = format!("in the header {name}");
        let problem = "it contains a line break or another control character";
        return Err(unusable(&request.attempt, &placeholder.to_string(), &usage, problem));
    }
    // Without control characters every text can be sent.
    request.secret_header(name.clone(), &template.fill(known).as_str().into());
    Ok(())
}

fn fill_basic(
    request: &mut Request,
    username: &Template,
    password: &Template,
    known: &Known<'_>,
) -> Result<(), SourceError> {
    // The other side would take what follows the colon for the password.
    if let Some(placeholder) = username.find(known, |text| text.contains(':')) {
        let usage = "as the user name of Basic authentication";
        return Err(unusable(&request.attempt, &placeholder.to_string(), usage, "it contains a colon"));
    }
    let pair = basic(&username.fill(known), &password.fill(known));
    request.secret_header(AUTHORIZATION, &format!("Basic {}", pair.expose_secret()).into());
    request.secrets.push(pair);
    Ok(())
}

/// User name and password as Basic authentication sends them.
pub(super) fn basic(username: &str, password: &str) -> SecretString {
    STANDARD.encode(Zeroizing::new(format!("{username}:{password}")).as_bytes()).into()
}
