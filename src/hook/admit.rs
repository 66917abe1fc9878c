//! Who may call: what is judged before a hook's action is thought of.

use std::time::Duration;

use data_encoding::BASE64;
use http::header::{AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, Method};

use super::Hook;
use crate::request::parameter::Parameter;
use crate::request::text::{is_blank, readable};
use crate::request::{Head, HookRequest, TOKEN, TOKEN_HEADER};
use crate::url::{Broken, pairs, values_of};

/// A wrong token is answered after this long, so that guessing is slow.
pub const WRONG_TOKEN_DELAY: Duration = Duration::from_secs(1);

/// Tokens that one call may bring. More are guesses: a URL has room for thousands, and they would cost one delay together.
const MOST_TOKENS: usize = 8;

/// Programs that fetch a link to show what is behind it: a chat where somebody posts a hook's URL must not ring the bell.
const PREVIEWERS: &[&str] = &[
    "telegrambot",
    "whatsapp/",
    "facebookexternalhit",
    "slackbot",
    "slack-imgproxy",
    "twitterbot",
    "discordbot",
    "vkshare",
    "viber",
    "skypeuripreview",
    "msteams",
    "microsoftpreview",
    "linkedinbot",
    "mattermost",
    "rocket.chat",
    "googlebot",
    "google-pagerenderer",
    "bingbot",
    "bingpreview",
    "yandexbot",
    "yandex.com/bots",
    "mail.ru_bot",
    "applebot",
    "embedly",
    "iframely",
];

/// Why a call is refused before anything is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The hook does not answer to this method.
    Method,
    /// `HEAD` or `OPTIONS` on a hook that sends: answered, and nothing done.
    OnlyAsks,
    /// A browser fetches ahead of its user.
    Prefetch,
    /// A chat or search engine looks what is behind a link.
    Previewer,
    /// A page of another site calls.
    CrossSite,
    /// The hook has tokens and the call has none.
    TokenMissing,
    /// The call's token is none of the hook's.
    TokenWrong,
    /// A parameter of `require` is missing or blank.
    Missing(Parameter),
}

/// What is known of the caller once the part before the body is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Come in, under this name if the hook's tokens tell callers apart.
    Granted(Option<String>),
    /// The token must be in the body.
    TokenInBody {
        /// An `Authorization` header was there and was not ours: a proxy may have its own.
        other_credentials: bool,
    },
}

impl Hook {
    /// Judges what stands before the body: method, browsers' guesses, token in header or URL.
    pub fn admit(&self, head: Head<'_>) -> Result<Admission, Refusal> {
        let sends = self.action.send().is_some();
        if sends && matches!(head.method.as_str(), "HEAD" | "OPTIONS") {
            return Err(Refusal::OnlyAsks);
        }
        let fits = |methods: &Vec<String>| methods.iter().any(|method| method == head.method.as_str());
        if !self.methods.as_ref().is_none_or(fits) {
            return Err(Refusal::Method);
        }
        if sends {
            refuse_guesses(head)?;
        }
        if self.tokens.is_empty() {
            return if sends && !self.allow_cross_site && is_foreign(head.headers) {
                Err(Refusal::CrossSite)
            } else {
                Ok(Admission::Granted(None))
            };
        }
        let Presented { in_authorization, ours } = presented(head);
        if let Some(caller) = self.caller(in_authorization.iter().chain(&ours)) {
            // A browser that was told the token once brings it by itself, for any page.
            let by_itself = is_basic(head.headers) && self.caller(&ours).is_none();
            if by_itself && !self.allow_cross_site && is_foreign(head.headers) {
                return Err(Refusal::CrossSite);
            }
            return Ok(Admission::Granted(caller));
        }
        if ours.is_empty() {
            return Ok(Admission::TokenInBody { other_credentials: !in_authorization.is_empty() });
        }
        Err(Refusal::TokenWrong)
    }

    /// Judges what only the whole call tells: a token in the body, required parameters. Says who calls.
    pub fn accept(&self, request: &HookRequest, admission: Admission) -> Result<Option<String>, Refusal> {
        let caller = match admission {
            Admission::Granted(caller) => caller,
            Admission::TokenInBody { other_credentials } => {
                let missing = if other_credentials { Refusal::TokenWrong } else { Refusal::TokenMissing };
                let token = request.token_in_body().ok_or(missing)?;
                self.caller([&token]).ok_or(Refusal::TokenWrong)?
            }
        };
        for parameter in &self.require {
            let value = parameter.present(request).unwrap_or_default();
            if is_blank(&readable(&value, self.reading.charset).text) {
                return Err(Refusal::Missing(parameter.clone()));
            }
        }
        Ok(caller)
    }

    /// Takes the token out of an accepted request. A rule is judged before: a signature is over the body as it came.
    pub fn forget_credentials(&self, request: &mut HookRequest) {
        if !self.tokens.is_empty() {
            request.forget_credentials(|token| self.caller([token]).is_some());
        }
    }

    /// Who holds one of these tokens. Every token is compared, so that the time does not tell which was near.
    fn caller<'p>(&self, presented: impl IntoIterator<Item = &'p String>) -> Option<Option<String>> {
        let mut found = None;
        for candidate in presented {
            for token in &self.tokens {
                if token.secret.matches(candidate) {
                    found = Some(token.caller.clone());
                }
            }
        }
        found
    }
}

/// Whether there are Basic credentials.
fn is_basic(headers: &HeaderMap) -> bool {
    headers.get_all(AUTHORIZATION).iter().any(|value| {
        value.as_bytes().split(|byte| *byte == b' ').next().is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"basic"))
    })
}

/// Whether a page of another site has its browser call. Browsers say so (Fetch Metadata) to hosts by HTTPS and to their own;
/// to others they only say where a form or script that posts comes from (RFC 6454).
fn is_foreign(headers: &HeaderMap) -> bool {
    if headers.contains_key("sec-fetch-site") {
        return header(headers, "sec-fetch-site").eq_ignore_ascii_case("cross-site");
    }
    let host = |authority: &str| {
        let authority = authority.to_ascii_lowercase();
        let plain = authority.strip_suffix(":80").or_else(|| authority.strip_suffix(":443"));
        plain.unwrap_or(&authority).to_owned()
    };
    match header(headers, "origin") {
        "" => false,
        // A proxy may have put its own name for us in the place of the one that was called; no form can set what it tells.
        origin => origin.split_once("://").is_none_or(|(_, from)| {
            ["host", "x-forwarded-host"].iter().all(|name| host(from) != host(header(headers, name)))
        }),
    }
}

/// A send hook rings only for somebody who means it.
fn refuse_guesses(head: Head<'_>) -> Result<(), Refusal> {
    let headers = head.headers;
    let purpose = [header(headers, "sec-purpose"), header(headers, "purpose"), header(headers, "x-moz")];
    if purpose.iter().any(|purpose| purpose.contains("prefetch") || purpose.contains("prerender")) {
        return Err(Refusal::Prefetch);
    }
    let agent = header(headers, USER_AGENT.as_str()).to_lowercase();
    // A preview never posts; chats that call hooks on purpose do, under the same name.
    if head.method == Method::GET && PREVIEWERS.iter().any(|previewer| agent.contains(previewer)) {
        return Err(Refusal::Previewer);
    }
    Ok(())
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// What a call brings in header and URL.
struct Presented {
    /// `Authorization: Bearer` or Basic (its password): perhaps meant for us.
    in_authorization: Vec<String>,
    /// `X-Hook-Token` and `token`: meant for us.
    ours: Vec<String>,
}

/// What `Authorization` brings: a bearer token, or the password of Basic credentials.
pub fn in_authorization(headers: &HeaderMap) -> Vec<String> {
    let mut in_authorization = Vec::new();
    for value in headers.get_all(AUTHORIZATION) {
        let value = String::from_utf8_lossy(value.as_bytes());
        match value.split_once(' ') {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => {
                in_authorization.push(rest.trim().to_owned());
            }
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("basic") => {
                in_authorization.extend(password(rest.trim()));
            }
            _ => {}
        }
    }
    in_authorization.retain(|token| !token.is_empty());
    in_authorization.truncate(MOST_TOKENS);
    in_authorization
}

/// The tokens in header and URL; an empty one is none.
fn presented(head: Head<'_>) -> Presented {
    let in_authorization = in_authorization(head.headers);
    let values = head.headers.get_all(TOKEN_HEADER).iter();
    let mut ours: Vec<_> = values.map(|value| String::from_utf8_lossy(value.as_bytes()).trim().to_owned()).collect();
    let (query, _) = pairs(head.raw_query(), Broken::Kept);
    ours.extend(values_of(&query, TOKEN).map(|value| String::from_utf8_lossy(value).into_owned()));
    ours.retain(|token| !token.is_empty());
    ours.truncate(MOST_TOKENS);
    Presented { in_authorization, ours }
}

/// The password of Basic credentials (RFC 7617): what follows the first colon.
fn password(encoded: &str) -> Option<String> {
    let decoded = String::from_utf8(BASE64.decode(encoded.as_bytes()).ok()?).ok()?;
    decoded.split_once(':').map(|(_, password)| password.to_owned())
}
