//! Whether the template that an account has is the one that Meta approved.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::template::{Header, Target, Template};
use crate::message::media::MediaKind;
use crate::provider::probe::Learned;
use crate::provider::reply::lenient;

/// The template as the account has it.
pub(super) struct Wanted {
    pub(super) name: String,
    language: String,
    /// How many parameters its body is filled with.
    params: usize,
    /// Their names, where they have some.
    names: BTreeSet<String>,
    header: Variable,
    /// Which button is filled with what.
    buttons: Vec<(usize, &'static str)>,
}

/// What of a header is filled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Variable {
    Nothing,
    Text,
    Media(MediaKind),
    /// Something that nobody here can fill.
    Other,
}

/// A template as Meta has it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Approved {
    pub(super) name: String,
    pub(super) language: String,
    status: String,
    #[serde(deserialize_with = "lenient")]
    parameter_format: String,
    #[serde(deserialize_with = "lenient")]
    components: Vec<Component>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Component {
    r#type: String,
    #[serde(deserialize_with = "lenient")]
    format: String,
    #[serde(deserialize_with = "lenient")]
    text: String,
    #[serde(deserialize_with = "lenient")]
    buttons: Vec<ApprovedButton>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ApprovedButton {
    r#type: String,
    #[serde(deserialize_with = "lenient")]
    text: String,
    #[serde(deserialize_with = "lenient")]
    url: String,
}

impl Wanted {
    pub(super) fn of(template: &Template) -> Wanted {
        let Template { name, language, header, params, buttons } = template;
        let sort = |target: &Target| match target {
            Target::Url(_) => "URL",
            Target::Reply(_) => "QUICK_REPLY",
        };
        Wanted {
            name: name.clone(),
            language: language.clone(),
            params: params.len().max(1),
            names: params.iter().filter_map(|param| param.name.clone()).collect(),
            header: match header {
                None => Variable::Nothing,
                Some(Header::Text(_)) => Variable::Text,
                Some(Header::Media(kind, _)) => Variable::Media(*kind),
            },
            buttons: buttons.iter().map(|button| (button.index, sort(&button.target))).collect(),
        }
    }

    /// What there is of the template's name, in all its languages.
    pub(super) fn judge(&self, named: &[Approved], learned: &mut Learned) {
        let Wanted { name, language, .. } = self;
        let Some(found) = named.iter().find(|template| template.language == *language) else {
            let languages = named.iter().map(|template| template.language.as_str()).collect::<Vec<_>>().join(", ");
            return learned
                .error(format!("the template {name} is not there in \"{language}\""), format!("it is in {languages}"));
        };
        if found.status != "APPROVED" {
            let status = found.status.to_lowercase();
            return learned.error(
                format!("the template {name} ({language}) can't be used: it is {status}"),
                "WhatsApp Manager says why".to_owned(),
            );
        }
        let faults = learned.faults.len();
        let filled = self.judge_body(found, learned);
        self.judge_header(found.header(), learned);
        self.judge_buttons(found.of("BUTTONS").flat_map(|component| &component.buttons), learned);
        if learned.faults.len() == faults {
            let parameters = if filled == 1 { "1 parameter".to_owned() } else { format!("{filled} parameters") };
            learned.well += &format!("; template {name} ({language}) with {parameters}, approved");
        }
    }

    /// How many parameters its body has.
    fn judge_body(&self, found: &Approved, learned: &mut Learned) -> usize {
        let Wanted { name, language, params, names, .. } = self;
        let has: BTreeSet<&str> = found.of("BODY").flat_map(|component| parameters(&component.text)).collect();
        let list = has.iter().copied().collect::<Vec<_>>().join(", ");
        match (found.parameter_format == "NAMED", names.is_empty()) {
            (true, _) if !has.iter().copied().eq(names.iter().map(String::as_str)) => learned.error(
                format!("the parameters of the template {name} have names: {list}"),
                "approved-template.params is an object with just these".to_owned(),
            ),
            (false, false) => learned.error(
                format!("the parameters of the template {name} have no names"),
                "approved-template.params is a list then".to_owned(),
            ),
            (false, true) if has.len() != *params => learned.error(
                format!("the template {name} ({language}) has {} parameters, and is given {params}", has.len()),
                "give it a template for each in approved-template.params".to_owned(),
            ),
            _ => {}
        }
        has.len()
    }

    fn judge_header(&self, has: Variable, learned: &mut Learned) {
        let name = &self.name;
        if has == self.header {
            return;
        }
        let (message, help) = match has {
            Variable::Nothing => (
                format!("the header of the template {name} has nothing to fill"),
                "leave approved-template.header out".to_owned(),
            ),
            Variable::Text => (
                format!("the header of the template {name} has a parameter"),
                "give it a template in approved-template.header".to_owned(),
            ),
            Variable::Media(kind) => (
                format!("the header of the template {name} has media in it"),
                format!("approved-template.header is {{\"{}\": LINK}} then", kind.as_str()),
            ),
            Variable::Other => (
                format!("the header of the template {name} can't be filled"),
                "approve one with a text, an image, a video or a document".to_owned(),
            ),
        };
        learned.error(message, help);
    }

    fn judge_buttons<'b>(&self, has: impl Iterator<Item = &'b ApprovedButton>, learned: &mut Learned) {
        let name = &self.name;
        let has: Vec<&ApprovedButton> = has.collect();
        for (index, sort) in &self.buttons {
            let right = has.get(*index).is_some_and(|button| button.r#type == *sort && button.may_be_filled());
            if !right {
                learned.error(
                    format!("button {index} of the template {name} can't be filled as approved-template.buttons does"),
                    "an address ends with a parameter where it can be filled; \"index\" counts all buttons from 0"
                        .to_owned(),
                );
            }
        }
        let filled = |index: usize| self.buttons.iter().any(|(filled, _)| *filled == index);
        for (index, button) in has.iter().enumerate() {
            if button.r#type == "URL" && button.may_be_filled() && !filled(index) {
                let message =
                    format!("the address of the button \"{}\" of the template {name} has a parameter", button.text);
                learned.error(
                    message,
                    format!("fill it: {{\"index\": {index}, \"url\": …}} in approved-template.buttons"),
                );
            }
        }
    }
}

impl Approved {
    fn of(&self, kind: &str) -> impl Iterator<Item = &Component> {
        self.components.iter().filter(move |component| component.r#type.eq_ignore_ascii_case(kind))
    }

    fn header(&self) -> Variable {
        match self.of("HEADER").next() {
            None => Variable::Nothing,
            Some(header) => match header.format.as_str() {
                "IMAGE" => Variable::Media(MediaKind::Image),
                "VIDEO" => Variable::Media(MediaKind::Video),
                "DOCUMENT" => Variable::Media(MediaKind::Document),
                "" | "TEXT" if parameters(&header.text).next().is_none() => Variable::Nothing,
                "" | "TEXT" => Variable::Text,
                _ => Variable::Other,
            },
        }
    }
}

impl ApprovedButton {
    fn may_be_filled(&self) -> bool {
        self.r#type != "URL" || parameters(&self.url).next().is_some()
    }
}

/// What stands between `{{` and `}}`.
fn parameters(text: &str) -> impl Iterator<Item = &str> {
    text.split("{{").skip(1).filter_map(|rest| rest.split_once("}}")).map(|(name, _)| name.trim())
}
