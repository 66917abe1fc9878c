//! Who logs in: an application, by a token that it signs for each request, or the account itself by key and secret.
//! <https://developer.vonage.com/en/getting-started/concepts/authentication>

use data_encoding::{BASE64, BASE64_MIME, BASE64URL_NOPAD};
use http::HeaderValue;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::json;

use crate::clock::Timestamp;
use crate::message::delivery::{Class, SendError};
use crate::provider::reply::refusal;
use crate::secret::Secret;

/// A token is good for so many seconds: as long as those of Vonage's own libraries.
const TOKEN_SECONDS: i64 = 15 * 60;

/// Who logs in.
pub(super) enum Login {
    /// An application's id and its private key.
    Application(String, Box<RsaKeyPair>),
    /// `Authorization` of the account's key and secret.
    Basic(HeaderValue),
}

impl Login {
    /// By key and secret; none where they can't stand in a header.
    pub(super) fn basic(key: &str, secret: &Secret) -> Option<Login> {
        let login = BASE64.encode(format!("{key}:{}", secret.expose()).as_bytes());
        sensitive(&format!("Basic {login}")).map(Login::Basic)
    }

    /// By an application's private key, in PEM as Vonage gives it. The error says what is wrong with it.
    pub(super) fn application(id: String, key: &Secret) -> Result<Login, &'static str> {
        let text = key.expose();
        let Some((_, rest)) = text.split_once("-----BEGIN PRIVATE KEY-----") else {
            return Err("no private key in PEM form: that begins with -----BEGIN PRIVATE KEY-----");
        };
        let body = rest.split("-----END").next().unwrap_or_default().replace("\\n", "\n");
        let der = BASE64_MIME.decode(body.trim().as_bytes()).map_err(|_| "the private key is damaged")?;
        let pair = RsaKeyPair::from_pkcs8(&der).map_err(|_| "the private key is no RSA key that can be used")?;
        Ok(Login::Application(id, Box::new(pair)))
    }

    /// What stands in `Authorization`. `jti` names the request: the same one has the same token, and so the same text.
    pub(super) fn authorization(&self, jti: &str, now: Timestamp) -> Result<HeaderValue, SendError> {
        let failed = || refusal(Class::Account, "", "the private key can sign nothing");
        match self {
            Login::Basic(value) => Ok(value.clone()),
            Login::Application(id, pair) => {
                let iat = now.millis().div_euclid(1000);
                let claims = json!({ "application_id": id, "iat": iat, "exp": iat + TOKEN_SECONDS, "jti": jti });
                let [head, claims] = [json!({ "alg": "RS256", "typ": "JWT" }), claims]
                    .map(|part| BASE64URL_NOPAD.encode(part.to_string().as_bytes()));
                let signed = format!("{head}.{claims}");
                let mut signature = vec![0; pair.public().modulus_len()];
                let random = SystemRandom::new();
                // PKCS #1 v1.5 takes no random into its result, only against those who measure times.
                pair.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).map_err(|_| failed())?;
                let token = format!("Bearer {signed}.{}", BASE64URL_NOPAD.encode(&signature));
                sensitive(&token).ok_or_else(failed)
            }
        }
    }
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
