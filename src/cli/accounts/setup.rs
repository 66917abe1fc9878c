//! To have a provider call us.

use serde_json::Value;

use crate::cli::exit::{Exit, print, say};
use crate::cli::flags::accounts::AccountsArgs;
use crate::cli::operator::{Operator, PROVIDER_PATIENCE};
use crate::cli::rows::{plain, text};
use crate::cli::token::generated;
use crate::url::{encode_segment, encode_value};

/// Has the daemon tell the provider of `name` where to call, and says what came of it.
pub(super) fn set_up(name: &str, args: &AccountsArgs, operator: Operator<'_>) -> anyhow::Result<Exit> {
    let base = args.url.as_ref().map(|url| format!("?url={}", encode_value(url.as_bytes())));
    let target = format!("accounts/{}/setup{}", encode_segment(name), base.unwrap_or_default());
    let Some(mut told) = operator.tell(&target, PROVIDER_PATIENCE)? else { return Ok(Exit::TryAgain) };
    if args.show {
        show(&mut told, args)?;
    }
    let works = told["works"] == true;
    if args.json {
        print(&format!("{told:#}\n"));
    } else {
        if told.get("url").is_some() {
            print(&format!("callback URL: {}\n", text(&told["url"])));
        }
        print(&format!("{}: {}\n", name, text(&told["says"])));
        super::test::faults(&told);
        if let Some(help) = told["help"].as_str() {
            say(&format!("note: {}", plain(help)));
        }
        if let (false, Some(token)) = (args.show, told["token"].as_str()) {
            say(&format!("with its secret: -show, or `hookbell token {}`", plain(token)));
        }
    }
    Ok(if works { Exit::Fine } else { Exit::Trouble })
}

/// Puts the secret in place of its mask. Only who may read the state directory has it: the daemon tells it to nobody.
fn show(told: &mut Value, args: &AccountsArgs) -> anyhow::Result<()> {
    let (Some(url), Some(mask)) = (told["url"].as_str(), told["mask"].as_str()) else { return Ok(()) };
    let Some(token) = told["token"].as_str() else {
        say(&format!(
            "{mask} stands for the account's \"callback-secret\", which is not shown: write it there yourself"
        ));
        return Ok(());
    };
    let secret = generated(token, args.state_dir.clone())?;
    let url = url.replace(mask, &encode_segment(secret.expose()));
    told["url"] = Value::String(url);
    Ok(())
}
