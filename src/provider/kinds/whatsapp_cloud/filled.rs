//! How a message fills the template that Meta approved.
//! <https://developers.facebook.com/docs/whatsapp/cloud-api/guides/send-message-templates>

use serde::Serialize;

use super::piece::{Piece, Source};
use super::template::{Button, Header, Target, Template};
use crate::message::delivery::SendError;
use crate::message::media::{Media, MediaKind};
use crate::provider::Outgoing;
use crate::provider::parameters::Values;
use crate::provider::text::cut_characters;

/// A template's body takes so many characters, its parameters included.
const CHARACTERS: usize = 1024;

/// The share of them that a second try takes, after Meta found the whole too long: nobody but Meta knows how long the
/// template's own words are.
const SHORT: usize = CHARACTERS / 2;

/// A header takes so many.
const HEADER_CHARACTERS: usize = 60;

/// A template with its parameters, as Meta wants it.
#[derive(Serialize)]
pub(super) struct Filled<'a> {
    name: &'a str,
    language: Language<'a>,
    components: Vec<Component<'a>>,
}

#[derive(Serialize)]
struct Language<'a> {
    code: &'a str,
}

#[derive(Serialize)]
struct Component<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<String>,
    parameters: Vec<Parameter<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Parameter<'a> {
    Text {
        #[serde(skip_serializing_if = "Option::is_none")]
        parameter_name: Option<&'a str>,
        text: String,
    },
    Payload {
        payload: String,
    },
    Image {
        image: Piece<'a>,
    },
    Video {
        video: Piece<'a>,
    },
    Document {
        document: Piece<'a>,
    },
}

impl Template {
    /// The template with a message in it, and the message's media in its header, which must be one for it. `again`: shorter,
    /// for it was found too long. What has no place in the header is told in the text.
    pub(super) fn filled<'a>(
        &'a self,
        out: &'a Outgoing,
        media: Option<(&'a Media, &Source)>,
        again: bool,
    ) -> Result<Filled<'a>, SendError> {
        let values = Values::of(out, out.in_words.as_deref().filter(|_| media.is_none()));
        let mut components = Vec::new();
        if let Some(header) = &self.header {
            components.push(of(
                "header",
                vec![match header {
                    Header::Text(text) => plain(cut_characters(&values.fill(text)?, HEADER_CHARACTERS)),
                    Header::Media(kind, otherwise) => match media {
                        Some((media, source)) => shown_in_header(*kind, Piece::of(media, source.clone())),
                        None => {
                            let source = Source::Link(otherwise.clone());
                            shown_in_header(*kind, Piece { source, caption: None, filename: None })
                        }
                    },
                }],
            ));
        }
        components.push(of("body", self.body(&values, if again { SHORT } else { CHARACTERS })?));
        for button in &self.buttons {
            components.push(pressed(button, &values)?);
        }
        Ok(Filled { name: &self.name, language: Language { code: &self.language }, components })
    }

    /// The parameters of the body, with at most `most` characters together.
    fn body(&self, values: &Values<'_>, most: usize) -> Result<Vec<Parameter<'_>>, SendError> {
        let texts = values.fill_body(self.params.iter().map(|param| &param.text), most)?;
        let names = self.params.iter().map(|param| param.name.as_deref()).chain([None]);
        Ok(texts
            .into_iter()
            .zip(names)
            .map(|(text, parameter_name)| Parameter::Text { parameter_name, text })
            .collect())
    }
}

fn of<'a>(r#type: &'static str, parameters: Vec<Parameter<'a>>) -> Component<'a> {
    Component { r#type, sub_type: None, index: None, parameters }
}

fn plain<'a>(text: String) -> Parameter<'a> {
    Parameter::Text { parameter_name: None, text }
}

fn shown_in_header(kind: MediaKind, piece: Piece<'_>) -> Parameter<'_> {
    match kind {
        MediaKind::Image => Parameter::Image { image: piece },
        MediaKind::Video => Parameter::Video { video: piece },
        // No header has a recording in it.
        MediaKind::Document | MediaKind::Audio => Parameter::Document { document: piece },
    }
}

fn pressed<'a>(button: &Button, values: &Values<'_>) -> Result<Component<'a>, SendError> {
    let (sub_type, parameter) = match &button.target {
        Target::Url(text) => ("url", plain(values.fill(text)?)),
        Target::Reply(text) => ("quick_reply", Parameter::Payload { payload: values.fill(text)? }),
    };
    let index = Some(button.index.to_string());
    Ok(Component { r#type: "button", sub_type: Some(sub_type), index, parameters: vec![parameter] })
}
