//! What the README says of keys and exit codes is what the program does.

use release_cockpit::cli::Exit;
use release_cockpit::keys::COMMANDS;

fn readme() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap()
}

#[test]
fn the_table_of_keys_is_that_of_the_program() {
    let text = readme();
    let (_, after) = text.split_once("<!-- keys: the table of src/keys/command.rs, tested -->\n").unwrap();
    let (table, _) = after.split_once("<!-- /keys -->").unwrap();
    let rows = COMMANDS.iter().map(|spec| {
        let keys: Vec<String> = spec.keys.iter().map(|key| format!("`{key}`")).collect();
        let keys = if keys.is_empty() { format!("`:{}`", spec.id) } else { keys.join(", ") };
        format!("| {keys} | {} |\n", spec.help)
    });
    let wanted = String::from("| key | does |\n|---|---|\n") + &rows.collect::<String>();
    assert_eq!(table, wanted);
}

#[test]
fn the_exit_codes_are_those_of_the_program() {
    let text = readme();
    for (exit, means) in Exit::ALL {
        assert!(text.contains(&format!("| {} | {means} |", exit.code())), "{} {means}", exit.code());
    }
}
