//! A hook exactly as users write it: every property optional, every value with its place.

use super::via::RawVia;
use crate::node::Placed;
use crate::rule::raw::RawRule;
use crate::secret::Secret;

/// One hook of a file.
#[derive(Default)]
pub struct RawHook {
    /// `id`
    pub id: Option<Placed<String>>,
    /// `execute-command`
    pub execute_command: Option<Placed<String>>,
    /// `run`
    pub run: Option<Placed<String>>,
    /// `command-working-directory`
    pub command_working_directory: Option<String>,
    /// `pass-arguments-to-command`
    pub pass_arguments: Vec<RawArgument>,
    /// `pass-environment-to-command`
    pub pass_environment: Vec<RawArgument>,
    /// `pass-file-to-command`
    pub pass_files: Vec<Placed<RawArgument>>,
    /// `include-command-output-in-response`
    pub include_output: bool,
    /// `include-command-output-in-response-on-error`
    pub include_output_on_error: bool,
    /// `response-message`
    pub response_message: Option<String>,
    /// `response-headers`
    pub response_headers: Vec<(Placed<String>, Placed<String>)>,
    /// `success-http-response-code`
    pub success_code: Option<Placed<i64>>,
    /// `http-methods`
    pub http_methods: Vec<String>,
    /// `incoming-payload-content-type`
    pub content_type: Option<String>,
    /// `trigger-rule`
    pub trigger_rule: Option<Placed<RawRule>>,
    /// Whether `trigger-rule` stands there, read well or not.
    pub has_rule: bool,
    /// `trigger-rule-mismatch-http-response-code`
    pub mismatch_code: Option<Placed<i64>>,
    /// `trigger-signature-soft-failures`
    pub soft_failures: bool,
    /// `parse-parameters-as-json`
    pub json_parameters: Vec<Placed<RawArgument>>,
    /// `send`
    pub send: Option<Placed<RawSend>>,
    /// `token` and `tokens`
    pub tokens: Vec<(Option<String>, Secret)>,
    /// Whether `token` or `tokens` stands there, read well or not.
    pub asks_for_token: bool,
    /// `require`
    pub require: Vec<Placed<RawArgument>>,
    /// `allow-empty-message`
    pub allow_empty_message: Option<Placed<bool>>,
    /// `charset`
    pub charset: Option<Placed<String>>,
    /// `allow-cross-site`
    pub allow_cross_site: bool,
    /// `enabled`
    pub enabled: Option<bool>,
    /// `expect-every`
    pub expect_every: Option<Placed<std::time::Duration>>,
}

/// A parameter as users write it: `{"source": …, "name": …, "envname": …}`.
#[derive(Clone, Debug, Default)]
pub struct RawArgument {
    /// `source`
    pub source: Option<Placed<String>>,
    /// `name`
    pub name: Option<String>,
    /// `envname`
    pub envname: Option<String>,
    /// `base64decode`, of files only.
    pub base64decode: bool,
    /// `map` of a priority: value and its priority's word.
    pub map: Vec<(String, Placed<String>)>,
}

/// `send` as users write it.
#[derive(Default)]
pub struct RawSend {
    /// `to`
    pub to: Option<RawTo>,
    /// `via`
    pub via: Vec<RawVia>,
    /// `also`
    pub also: Vec<Placed<String>>,
    /// `message`
    pub message: Option<Placed<RawArgument>>,
    /// `title`
    pub title: Option<Placed<RawArgument>>,
    /// `text`
    pub text: Option<Placed<String>>,
    /// `format`
    pub format: Option<Placed<String>>,
    /// `media`
    pub media: Option<Placed<RawMedia>>,
    /// `thread`
    pub thread: Option<Placed<RawArgument>>,
    /// `ttl`
    pub ttl: Option<std::time::Duration>,
    /// `priority`
    pub priority: Option<RawPriority>,
    /// `dedupe`
    pub dedupe: Option<std::time::Duration>,
}

/// `send.media` as users write it.
#[derive(Default)]
pub struct RawMedia {
    /// `source`
    pub source: Option<Placed<String>>,
    /// `name`
    pub name: Option<String>,
    /// `url`
    pub url: Option<Placed<String>>,
    /// `kind`
    pub kind: Option<Placed<String>>,
}

/// `send.to` as users write it.
pub enum RawTo {
    /// Names of contacts and lists.
    Names(Vec<Placed<String>>),
    /// A parameter whose value names them.
    Parameter(Placed<RawArgument>),
}

/// `send.priority` as users write it.
pub enum RawPriority {
    /// A word.
    Word(Placed<String>),
    /// A parameter with a map.
    Parameter(Placed<RawArgument>),
}
