//! What the analysis must reach, and whether it does.

/// Goals with what was found.
#[derive(Default)]
pub struct Goals(Vec<(&'static str, String, bool)>);

impl Goals {
    pub fn add(&mut self, goal: &'static str, found: String, met: bool) {
        self.0.push((goal, found, met));
    }

    pub fn print(&self) {
        println!("\n### Goals\n");
        for (goal, found, met) in &self.0 {
            println!("- {} {goal}: {found}", if *met { "met:" } else { "NOT MET:" });
        }
    }
}
