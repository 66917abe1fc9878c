//! `hookbell import`: what another program was told, in hookbell's words. Everything is read, nothing is run or changed.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::exit::{Exit, say};
use super::flags::first::{From, ImportArgs};
use access::Access;
use program::{Call, Known};
use report::Report;
use service::Service;
use translation::{Translation, Weight};

mod access;
mod cgi;
mod classic;
mod filter;
mod json;
mod phone;
pub(super) mod program;
mod proof;
mod references;
mod report;
mod script;
mod scripts;
mod sender;
mod service;
mod shell;
mod shell2http;
mod translation;
mod unit;
mod value;
mod webhook;

/// Reads, translates, and prints or writes what came of it.
pub(super) fn import(args: ImportArgs) -> anyhow::Result<Exit> {
    let mut translation = Translation::default();
    let service = match &args.from {
        From::File(file) => of_file(Path::new(file), &mut translation)?,
        From::Command(words) => {
            let call = program::known(words).map_err(anyhow::Error::msg)?;
            let here = std::env::current_dir().context("can't tell the current folder")?;
            let service = Service { directory: Some(here.display().to_string()), ..Service::default() };
            of_call(&call, "the command line", &service, &mut translation);
            service
        }
    };
    senders(&service, &mut translation);
    proof::prove(&mut translation);
    let access = Access::of(&mut translation, &service);
    let hooks = translation.file().file();
    let left = translation.remarks.iter().any(|remark| remark.weight == Weight::Left);
    let folder = args.output.map(PathBuf::from);
    let named = folder.as_ref().map(|folder| folder.join("hooks.json").display().to_string());
    let command = access::command_line(&translation, named.as_deref().unwrap_or("/etc/hookbell/hooks.json"), false);
    let report = Report { command, old: service.place, access, remarks: translation.remarks };
    match folder {
        Some(folder) => written(&folder, &hooks, &report)?,
        None => {
            std::io::stdout().write_all(hooks.as_bytes())?;
            say(report.to_string().trim_end());
        }
    }
    Ok(if left { Exit::Trouble } else { Exit::Fine })
}

/// A unit, a hooks file, or a script that starts a known program.
fn of_file(named: &Path, into: &mut Translation) -> anyhow::Result<Service> {
    let path = unit::find(named);
    let bytes = std::fs::read(&path).with_context(|| format!("can't read {}", path.display()))?;
    let text = String::from_utf8_lossy(&bytes);
    let shown = path.display().to_string();
    if unit::is_unit(&text) {
        return of_unit(&path, &text, into);
    }
    let service = Service { directory: path.parent().map(|folder| folder.display().to_string()), ..Service::default() };
    if text.starts_with("#!") || text.contains("shell2http") {
        match program::in_script(&text) {
            Ok(call) => of_call(&call, &shown, &service, into),
            Err(why) => bail!("{shown}: {why}"),
        }
        return Ok(service);
    }
    let template = text.contains("{{");
    classic::hooks(&path, &text, template, into);
    Ok(service)
}

fn of_unit(path: &Path, text: &str, into: &mut Translation) -> anyhow::Result<Service> {
    let unit = unit::read(path, text)?;
    let (around, unread) = unit.around();
    for (place, what) in unread {
        into.left(&place, what, "read it as root: it may say more of the command line");
    }
    let Some(started) = unit.started(&around) else { bail!("{} starts nothing: it has no ExecStart=", path.display()) };
    for unknown in &started.unknown {
        into.left(
            &started.place,
            format!("{unknown} can't be filled in here"),
            "write it out in the unit's copy, and import that",
        );
    }
    let service = Service::of(&unit, &around, path, into);
    let call = program::known(&started.words).map_err(|why| anyhow::anyhow!("{}: {why}", started.place))?;
    of_call(&call, &started.place, &service, into);
    Ok(service)
}

fn of_call(call: &Call, place: &str, service: &Service, into: &mut Translation) {
    let folder = service.directory.as_deref().unwrap_or("/");
    let directory = call.directory.as_deref().map_or_else(|| PathBuf::from(folder), |own| Path::new(folder).join(own));
    match call.program {
        Known::Webhook => webhook::translate(&call.args, place, Some(&directory), into),
        Known::Shell2http => {
            let environment: Vec<_> = service.environment.iter().chain(&call.environment).cloned().collect();
            shell2http::translate(&call.args, place, &environment, into);
        }
    }
}

/// Hooks whose scripts send to a phone become hooks that send. The programs of the others are noted.
fn senders(service: &Service, into: &mut Translation) {
    // Those of shell2http are noted already, and have their words in "run".
    for at in 0..into.hooks.len() {
        let Some((place, hook)) = into.hooks.get(at).cloned() else { return };
        let place = match hook.get("id").and_then(json::Json::as_text) {
            Some(id) => format!("{place}: hook \"{id}\""),
            None => place,
        };
        match sender::translated(&place, &hook, &service.environment, into) {
            Some(sends) => {
                if let Some(known) = into.hooks.get_mut(at) {
                    known.1 = sends;
                }
            }
            None => into.programs.extend(sender::program_of(&place, &hook)),
        }
    }
}

/// Writes the files, over nothing, and says what was written.
fn written(folder: &Path, hooks: &str, report: &Report) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("can't make {}", folder.display()))?;
    let service = report::drop_in(&report.access.service);
    let socket = report::drop_in(&report.access.socket);
    let files = [("hooks.json", hooks), ("override.conf", &service), ("socket.conf", &socket)];
    let files: Vec<_> = files.into_iter().filter(|(_, text)| !text.is_empty()).collect();
    if let Some((name, _)) = files.iter().find(|(name, _)| folder.join(name).exists()) {
        bail!("{} is there already; give another folder", folder.join(name).display());
    }
    let mut said = String::new();
    for (name, text) in files {
        let path = folder.join(name);
        super::fresh::write(&path, text, 0o640).with_context(|| format!("can't write {}", path.display()))?;
        said += &format!("wrote {}\n", path.display());
    }
    write!(std::io::stdout(), "{said}{report}").ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::json::Json;
    use super::value::{Part, Value};
    use super::*;
    use crate::config::compile::compile;
    use crate::diagnostic::Source;
    use crate::hook::Known as Around;
    use crate::secret::Surroundings;

    /// Goes on to the end, and wants the daemon to take what came of it.
    fn finished(mut translation: Translation, service: &Service) {
        senders(service, &mut translation);
        proof::prove(&mut translation);
        let access = Access::of(&mut translation, service);
        let report = Report { command: String::new(), old: None, access, remarks: translation.remarks.clone() };
        drop((report.to_string(), access::command_line(&translation, "x", true)));
        let source = Arc::new(Source::new("hooks.json", translation.file().file()));
        let findings = compile(&[source], Around::default(), &mut Surroundings::default());
        let errors: Vec<String> = findings
            .all_findings()
            .iter()
            .filter(|finding| finding.is_error())
            .map(|finding| finding.to_string())
            .collect();
        // A reference to what only the service has is no mistake.
        assert!(errors.iter().all(|error| error.contains("not set") || error.contains("CREDENTIALS")), "{errors:?}");
    }

    proptest! {
        #[test]
        fn any_hooks_file_is_translated_into_one_that_loads(
            text in r#"(\[|\]|\{|\}|"id": "[a-c]"|"execute-command": "true"|"trigger-rule": |"match": |"and": |"send": |"run": "a \{\{|"tokens": |"secret": "\{\{ getenv \\"A\\" }}"|"type": "value"|"parameter": |"source": "url"|"x"|null|true|1|, |: |\PC){0,40}"#,
            template: bool,
        ) {
            let mut translation = Translation::default();
            classic::hooks(Path::new("hooks.json"), &text, template, &mut translation);
            finished(translation, &Service::default());
        }

        #[test]
        fn any_unit_is_read(
            text in r"((ExecStart|User|Environment|WorkingDirectory|Nice|After|Foo)=|\[Service]\n|\[Unit]\n|/bin/webhook |shell2http |-port |80 |-form |/a |'|%[a-z%]|\\\n|\n|x|\PC){0,40}"
        ) {
            let mut translation = Translation::default();
            let path = Path::new("/nonexistent/a@b.service");
            // What is wrong with it is told.
            if let Ok(service) = of_unit(path, &text, &mut translation) {
                finished(translation, &service);
            }
        }

        #[test]
        fn any_command_line_of_shell2http_is_translated_into_hooks_that_load(
            words in prop::collection::vec(r#"/[a-c/]{0,3}|POST:/[a-c]|-(form|cgi|500|shell=|timeout=3|form-check=\(|basic-auth=env:x|port=80)|(\{\{|\{#|'|"|\$v_x|\$\{v_y|echo|x|\||>|/|\PC| ){0,8}"#, 0..8)
        ) {
            let mut translation = Translation::default();
            shell2http::translate(&words, "here", &[], &mut translation);
            finished(translation, &Service::default());
        }

        #[test]
        fn any_script_is_followed(
            text in r#"(yowsup-cli demos -s 79001234567 |sendsms |"\$1"|\$2|\$\*|\$\{1:-x}|\$\(echo |\)|tr -d x|tr a b| \| |m=|\$m|if \[ -z \$1 ]; then |fi|for n in 79001234567 79001234568; do |\$n|done|; |&&|\n|exit|cd /x|<<<|x| ){0,25}"#
        ) {
            let called = Value(vec![Part::Parameter { source: "url".into(), name: "msg".into() }]);
            let mut reading = script::Reading::new("/x/a.sh", None, vec![called, Value::text("79001234567")], Default::default());
            if let Ok(chains) = shell::parse::parse(&text) {
                reading.follow(&chains);
            }
            let hook = Json::object([("id", Json::text("a"))]);
            let mut translation = Translation::default();
            if let Some(hook) = sender::sending(&hook, &reading, Some(&text), "/x/a.sh", "x", &mut translation) {
                translation.hooks.push(("x".to_owned(), hook));
            }
            finished(translation, &Service::default());
        }
    }
}
