//! A message as Wazzup takes it, and the key that it is known by.

use serde::Serialize;

use super::transport::Chat;

/// What is added to `Outgoing::key` for the template: Wazzup knows a key again for a minute, and the text that it stands
/// for was refused under the key itself.
const AS_TEMPLATE: &str = "-template";

/// The same for the file, a message of its own.
const AS_FILE: &str = "-file";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Message<'a> {
    pub(super) channel_id: &'a str,
    #[serde(flatten)]
    pub(super) chat: Chat<'a>,
    #[serde(flatten)]
    pub(super) content: Content<'a>,
    pub(super) crm_message_id: String,
    /// What it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ref_message_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) crm_user_id: Option<&'a str>,
    /// An alarm is nobody's answer to what a person asked: that stays unanswered in the CRM.
    pub(super) clear_unanswered: bool,
}

#[derive(Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub(super) enum Content<'a> {
    Text { text: String },
    Template { template_id: &'a str, template_values: Vec<String> },
    File { content_uri: &'a str },
}

impl Content<'_> {
    /// The `crmMessageId` under which it goes out.
    pub(super) fn key(&self, key: &str) -> String {
        let mark = match self {
            Content::Text { .. } => "",
            Content::Template { .. } => AS_TEMPLATE,
            Content::File { .. } => AS_FILE,
        };
        format!("{key}{mark}")
    }
}

/// The key of a delivery in a `crmMessageId`; none in one that a CRM made, or that names a file.
pub(super) fn key_of(crm_message_id: &str) -> Option<String> {
    let key = crm_message_id.strip_suffix(AS_TEMPLATE).unwrap_or(crm_message_id);
    (!key.is_empty() && !key.ends_with(AS_FILE)).then(|| key.to_owned())
}
