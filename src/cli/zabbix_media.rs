//! Print a media type for Zabbix, ready for its import.

use std::io::Write as _;

use super::exit::{Exit, say};
use super::flags::callers::ZabbixMediaArgs;
use super::token;
use crate::secret::Secret;

/// The media type as `examples/zabbix` has it.
const MEDIA: &str = include_str!("../../examples/zabbix/media_hookbell.yaml");

/// What stands there for the hook's URL: right where Zabbix and the daemon share a host.
const URL: &str = "'http://127.0.0.1:9000/hooks/zabbix'";

/// What stands there for its token: a global macro of Zabbix, which may be secret.
const TOKEN: &str = "'{$HOOKBELL.TOKEN}'";

/// Prints the media type with URL and token filled in.
pub(super) fn zabbix_media(args: ZabbixMediaArgs) -> anyhow::Result<Exit> {
    let public = std::env::var("HOOKBELL_PUBLIC_URL").ok().filter(|url| !url.is_empty());
    let public = public.map(|base| format!("{}/hooks/zabbix", base.trim_end_matches('/')));
    let url = args.url.or(public);
    if url.is_none() {
        say(&format!("hookbell zabbix-media: Zabbix is to call {URL}: if that is another host, give -url"));
    }
    let token = args.token.map(|name| token::generated(&name, args.state_dir)).transpose()?;
    std::io::stdout().write_all(filled_in(url.as_deref(), token.as_ref()).as_bytes())?;
    Ok(Exit::Fine)
}

fn filled_in(url: Option<&str>, token: Option<&Secret>) -> String {
    let mut media = MEDIA.to_owned();
    if let Some(url) = url {
        media = media.replacen(URL, &quoted(url), 1);
    }
    if let Some(token) = token {
        media = media.replacen(TOKEN, &quoted(token.expose()), 1);
    }
    media
}

/// As a string of YAML: between single quotes all but these stands for itself.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_is_there_once_and_is_filled_in() {
        assert_eq!((MEDIA.matches(URL).count(), MEDIA.matches(TOKEN).count()), (1, 1));
        assert_eq!(filled_in(None, None), MEDIA);
        let filled = filled_in(Some("https://bell.example.org/hooks/it's"), Some(&Secret::new("s3cret")));
        assert!(filled.contains("value: 'https://bell.example.org/hooks/it''s'\n"), "{filled}");
        assert!(filled.contains("value: 's3cret'\n") && !filled.contains("127.0.0.1"), "{filled}");
    }
}
