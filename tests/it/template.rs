//! `-template`, with the environment, files and credentials of a real process.

use std::process::Command;

use crate::daemon::{Daemon, Home, eventually, said, says};

/// A value that needs escaping, and must not be seen.
const SECRET: &str = "a\"b'c<d>&\\ пароль";

fn with_secret(command: &mut Command) -> &mut Command {
    command.env("S", SECRET).env("N", "5")
}

fn serve(home: &Home, args: &[&str]) -> Daemon {
    let command = &mut home.hookbell(&["-ip", "127.0.0.1", "-port", "0", "-template", "-verbose"]);
    Daemon::start(with_secret(command).args(args))
}

fn check(home: &Home) -> (Option<i32>, String) {
    let output = with_secret(&mut home.hookbell(&["check", "-template"])).output().unwrap();
    (output.status.code(), said(&output))
}

/// compat 7.5: 137; 1.7
#[test]
fn values_arrive_as_they_are() {
    let home = Home::with(
        r#"{{- /* which one */ -}}
[
  { "id": "js", "execute-command": "true", "response-message": "{{ getenv "S" | js }}" },
{{- if eq (getenv "N") "5" }}
  { "id": "five", "execute-command": "true", "response-message": "{{ or (getenv "UNSET") "default" }}" },
{{ else }}
  { "id": "other" },
{{ end -}}
  { "id": "cat", "execute-command": "true", "response-message": "{{ cat "file" }}" },
  { "id": "credential", "execute-command": "true", "response-message": "{{ credential "name" | js }}" },
  { "id": "none", "execute-command": "true", "response-message": "{{ . }}{{ .x }}{{ printf " %q" "y" | js }}" },
]
"#,
    );
    home.shell("mkdir credentials; echo 'of a file' > file; echo 'of a credential' > credentials/name");
    let command = &mut home.hookbell(&["-ip", "127.0.0.1", "-port", "0", "-template"]);
    let daemon = Daemon::start(with_secret(command).env("CREDENTIALS_DIRECTORY", home.path("credentials")));
    for (id, body) in [
        ("js", SECRET),
        ("five", "default"),
        ("cat", "of a file"),
        ("credential", "of a credential"),
        ("none", "<no value><no value> \"y\""),
    ] {
        let reply = daemon.get(&format!("/hooks/{id}"));
        assert!(reply.is(200, body), "{id}: {reply:?}");
    }
    assert_eq!(daemon.get("/hooks/other").status, 404);
}

/// compat 7.5: 138
#[test]
fn mistakes_are_told_by_the_file_as_written_and_never_with_a_value() {
    // The template's first action removes a line, so that what it yields has other lines than the file.
    let hook = |rest: &str| {
        format!("[{{{{- /* two\nlines */}}}}\n  {{ \"id\": \"a\", \"execute-command\": \"true\", {rest} }}\n]")
    };
    for (rest, told) in [
        (r#""response-message": "{{ getenv "S" }}""#, ["3:64", "write {{ … | js }}"]),
        (r#""response-message": "{{ getenw "S" }}""#, ["3:67", "did you mean \"getenv\"?"]),
        (r#""response-message": "{{ getenv \"S\" }}""#, ["3:74", "quotes are written without backslashes"]),
        (r#""response-message": "{{ range .x }}{{ end }}""#, ["3:67", "`range` is refused"]),
        (r#""http-methods": "{{ getenv "S" | js }}""#, ["3:59", "expected a list"]),
        (r#""http-methods": {{ getenv "S" | printf "%q" }}"#, ["3:59", "expected a list"]),
        (r#""success-http-response-code": пароль{{ getenv "S" | urlquery }}"#, ["3:73", "expected a whole number"]),
        (r#""pass-arguments-to-command": [{ "source": "{{ getenv "S" | js }}" }]"#, ["3:85", "no source is called"]),
        (r#""{{ getenv "S" | js }}": 1, "b": 2, "c" 3"#, ["3:81", "missing after this key"]),
        (r#""{{ getenv "S" | js }}": 1"#, ["3:43", "unknown key"]),
    ] {
        let home = Home::with(&hook(rest));
        let (_, said) = check(&home);
        assert!(said.contains(&format!("hooks.json:{}", told[0])) && said.contains(told[1]), "{rest}: {said}");
        assert!(!said.contains("<d>") && !said.contains("a%22b") && !said.contains("u003Cd"), "{rest}: {said}");
        let command = &mut home.hookbell(&["-ip", "127.0.0.1", "-port", "0", "-template", "-debug"]);
        let log = Daemon::start(with_secret(command)).stop();
        assert!(log.contains(&format!("hooks.json:{}", told[0])) && log.contains(told[1]), "{rest}: {log}");
        assert!(!log.contains("<d>") && !log.contains("a%22b") && !log.contains("u003Cd"), "{rest}: {log}");
    }
}

#[test]
fn no_log_of_a_call_shows_what_a_template_took() {
    let home = Home::with(
        r#"[ { "id": "a", "execute-command": "/bin/echo", "include-command-output-in-response": true,
  "pass-arguments-to-command": [ { "source": "string", "name": "{{ getenv "S" | js }}" },
    { "source": "string", "name": {{ printf "%q" (getenv "S") }} }, { "source": "string", "name": "-{{ cat "file" }}-" } ],
  "pass-environment-to-command": [ { "source": "string", "name": "{{ credential "S" | js }}", "envname": "E" } ],
  "response-headers": [ { "name": "X-A", "value": "{{ cat "file" }}" } ] },
{ "id": "b", "execute-command": "/none/{{ cat "file" }}", "response-message": "{{ cat "file" }}" } ]"#,
    );
    home.write("file", "of-a-file\n");
    let daemon = serve(&home, &["-debug"]);
    let said = daemon.get("/hooks/a").body;
    assert_eq!(said, format!("{SECRET} {SECRET} -of-a-file-\n"));
    assert!(daemon.get("/hooks/b").is(200, "of-a-file"));
    daemon.logged(&["ERROR", "error in exec", "/none/[secret]"]);
    let log = daemon.stop();
    assert!(
        log.contains(r#"arguments ["/bin/echo" "[secret]" "[secret]" "-[secret]-"] and environment [E=[secret]]"#),
        "{log}"
    );
    assert!(!log.contains("<d>") && !log.contains("of-a-file"), "{log}");
}

#[test]
fn a_file_that_a_template_reads_is_watched_and_a_broken_one_refused() {
    let template = r#"[ { "id": "a", "execute-command": "true", "response-message": "{{ cat "word" }}" } ]"#;
    let home = Home::with(template);
    home.write("word", "one\n");
    let daemon = serve(&home, &[]);
    assert!(daemon.get("/hooks/a").is(200, "one"));
    let turns = |word: &str| eventually(word, || daemon.get("/hooks/a").is(200, word).then_some(()));
    home.write("word", "two\n");
    turns("two");
    home.write("word", "th\"ree\n");
    daemon.logged(&["ERROR", "hooks.json:1:", "write {{ … | js }}"]);
    daemon.logged_times(1, &["reload refused"]);
    home.write("hooks.json", &template.replace("}}", "}"));
    daemon.logged(&["ERROR", "hooks.json:1:78: in the template: an action ends with two braces"]);
    daemon.logged_times(2, &["reload refused"]);
    assert!(daemon.get("/hooks/a").is(200, "two"));
    home.write("hooks.json", &template.replace("\" }}", "\" | js }}"));
    turns("th\"ree");
    home.write("hooks.json", "{{ if 0 }}[]{{ end }}");
    daemon.logged(&["ERROR", "the template yields nothing"]);
    assert!(daemon.get("/hooks/a").is(200, "th\"ree"));
}

#[test]
fn full_files_are_none_and_the_copy_of_a_template_is_the_template() {
    let full = r#"{ "accounts": { "desk": { "provider": "console" } }, "hooks": [ { "id": "b", "run": "echo {{ msg }}", "include-command-output-in-response": true } ] }"#;
    let home = Home::with(full);
    home.write("list.yaml", &format!("- {}", says("a", "{{ getenv \"S\" | js }}")));
    let daemon = serve(&home, &["-hooks", "hooks.json", "-hooks", "list.yaml"]);
    assert!(daemon.get("/hooks/a").is(200, SECRET));
    assert_eq!(daemon.get("/hooks/b?msg=hi").body.trim(), "hi");
    home.shell("! grep -r '<d>' hookbell-state; grep -q 'getenv \"S\"' \"hookbell-state/last-good/$PWD/list.yaml\"");
    // Served from that copy, it is a template again.
    daemon.stop();
    home.write("list.yaml", "- [");
    let daemon = serve(&home, &["-hooks", "hooks.json", "-hooks", "list.yaml"]);
    assert!(daemon.get("/hooks/a").is(200, SECRET));
    let object = Home::with(r#"{ "hooks": [ { "id": "{{ "b" }}", "run": "true" } ] }"#);
    let (code, said) = check(&object);
    assert!(code == Some(1) && said.contains("only a list of hooks can be a template"), "{said}");
    let literal = Home::with(r#"{ "hooks": [ { "id": "{{ getenv `S` }}", "run": "true" } ] }"#);
    assert!(check(&literal).1.contains("-template is for lists of hooks"), "{}", check(&literal).1);
}

#[test]
fn a_template_that_is_not_started_as_one_is_recognised() {
    let home =
        Home::with(r#"[ { "id": "a", "execute-command": "true", "response-message": "{{ getenv "S" | js }}" } ]"#);
    let (code, said) = home.output(&["check"]);
    assert!(code == Some(1) && said.contains("then start with -template"), "{said}");
}
