//! The link that shows the whole of a message to whoever was sent it.

use data_encoding::BASE32_NOPAD;
use ring::hmac::{self, Key};
use subtle::ConstantTimeEq as _;

use super::MessageId;
use crate::secret::Secret;

/// The bytes of a signature that a link has: 128 bits, as many as RFC 2104 wants of this hash, and short enough for a text
/// of which every character counts.
const KEPT: usize = 16;

/// Makes links to messages, and knows its own again.
pub struct Links {
    public_url: String,
    key: Key,
}

impl Links {
    /// Links below `public_url` (no slash at its end), signed with `secret`.
    pub fn new(public_url: &str, secret: &Secret) -> Links {
        Links { public_url: public_url.to_owned(), key: Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes()) }
    }

    /// What all paths follow: how the world reaches us.
    pub fn base(&self) -> &str {
        &self.public_url
    }

    /// The link to a message.
    pub fn to(&self, id: MessageId) -> String {
        format!("{}/messages/{id}?key={}", self.public_url, self.signature("message", id))
    }

    /// The link to what goes along with a message.
    pub fn to_media(&self, id: MessageId) -> String {
        format!("{}/messages/{id}/media?key={}", self.public_url, self.signature("media", id))
    }

    /// Whether `key` is the one in the link to this message, in a time that tells nothing of it.
    pub fn admit(&self, id: MessageId, key: &[u8]) -> bool {
        bool::from(self.signature("message", id).as_bytes().ct_eq(key))
    }

    /// The same of the link to what goes along with it.
    pub fn admit_to_media(&self, id: MessageId, key: &[u8]) -> bool {
        bool::from(self.signature("media", id).as_bytes().ct_eq(key))
    }

    /// `what` keeps the secret from signing the same bytes for another purpose.
    fn signature(&self, what: &str, id: MessageId) -> String {
        let tag = hmac::sign(&self.key, format!("{what} {id}").as_bytes());
        BASE32_NOPAD.encode(tag.as_ref().get(..KEPT).unwrap_or_default()).to_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn a_link_opens_its_own_message_only() {
        let links = Links::new("https://bell.example.org", &Secret::new("s3cret"));
        let [one, other] = [1, 2].map(|byte| MessageId::new(Timestamp::default(), [byte; 10]));
        let link = links.to(one);
        let (page, key) = link.split_once("?key=").unwrap();
        assert_eq!(page, format!("https://bell.example.org/messages/{one}"));
        assert_eq!(key.len(), 26);
        assert!(links.admit(one, key.as_bytes()));
        assert!(!links.admit(other, key.as_bytes()));
        let (page, media_key) =
            links.to_media(one).split_once("?key=").map(|(p, k)| (p.to_owned(), k.to_owned())).unwrap();
        assert!(page.ends_with("/media") && links.admit_to_media(one, media_key.as_bytes()));
        assert!(!links.admit(one, media_key.as_bytes()) && !links.admit_to_media(one, key.as_bytes()));
        assert!(!links.admit(one, b"") && !links.admit(one, &key.as_bytes()[1..]));
        assert!(!Links::new("https://bell.example.org", &Secret::new("other")).admit(one, key.as_bytes()));
    }
}
