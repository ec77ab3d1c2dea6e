use super::*;
use crate::domain::facts::registry::Contents;

type Answer = Result<Stored, RegistryError>;

fn images(references: &[&str]) -> BTreeSet<StoredImage> {
    references.iter().filter_map(|reference| StoredImage::of(&format!("r.example/api:{reference}"))).collect()
}

/// What a registry is asked about as time goes by.
struct Ground {
    looks: Looks,
    start: Instant,
    asked: BTreeSet<StoredImage>,
    answers: BTreeMap<&'static str, Answer>,
}

impl Ground {
    fn new(asked: &[&str]) -> Self {
        let (looks, start, answers) = (Looks::default(), Instant::now(), BTreeMap::new());
        Self { looks, start, asked: images(asked), answers }
    }

    /// Asks about what is due so long after the start, and takes in the answers; returns what was asked about.
    fn at(&mut self, after: Duration) -> Vec<String> {
        let now = self.start + after;
        let due = self.looks.keep(self.asked.clone(), now);
        let ended = due.iter().map(|image| {
            let result = self.answers.get(image.reference.as_str()).cloned().unwrap_or(Ok(Stored::Absent));
            Ended { image: image.clone(), at: Timestamp::UNIX_EPOCH, known: None, result }
        });
        let ended: Vec<Ended> = ended.collect();
        if !ended.is_empty() {
            self.looks.take(ended, now);
        }
        due.into_iter().map(|image| image.reference).collect()
    }

    fn told(&self) -> Vec<(&str, &Stored)> {
        self.looks.answers.0.iter().map(|(image, looked)| (image.reference.as_str(), &looked.stored)).collect()
    }
}

const MOMENT: Duration = Duration::from_millis(10);

#[test]
fn an_image_is_asked_about_once_a_minute_and_a_new_one_at_once() {
    let mut ground = Ground::new(&["1"]);
    assert_eq!(ground.at(Duration::ZERO), ["1"]);
    assert_eq!(ground.told(), [("1", &Stored::Absent)]);
    ground.asked = images(&["1", "2"]);
    assert_eq!(ground.at(MOMENT), ["2"]);
    assert!(ground.at(INTERVAL / 2).is_empty());
    assert_eq!(ground.looks.next(ground.start), ground.start + INTERVAL);
    assert_eq!(ground.at(INTERVAL), ["1"]);
    assert_eq!(ground.at(INTERVAL + MOMENT), ["2"]);
    ground.looks.refresh(ground.start + INTERVAL + MOMENT);
    assert_eq!(ground.at(INTERVAL + MOMENT), ["1", "2"]);
}

#[test]
fn what_nobody_asks_about_any_more_is_forgotten() {
    let mut ground = Ground::new(&["1", "2"]);
    ground.at(Duration::ZERO);
    ground.asked = images(&["2", "3"]);
    assert_eq!(ground.at(MOMENT), ["3"]);
    assert_eq!(ground.told().into_iter().map(|(image, _)| image).collect::<Vec<_>>(), ["2", "3"]);
}

#[test]
fn no_answer_is_said_and_asked_for_again_later_each_time() {
    let mut ground = Ground::new(&["1", "2"]);
    ground.answers.insert("1", Err(RegistryError::NoAnswer("gone".to_owned())));
    ground.answers.insert("2", Ok(Stored::Present(Contents::default())));
    assert_eq!(ground.at(Duration::ZERO), ["1", "2"]);
    assert_eq!(ground.told()[0], ("1", &Stored::Unknown("gone".to_owned())));
    assert_eq!(ground.at(FIRST_RETRY), ["1"]);
    assert!(ground.at(FIRST_RETRY * 2).is_empty(), "twice as long");
    assert_eq!(ground.at(FIRST_RETRY * 3), ["1"]);
    // Never longer than the interval, and at its usual pace once it answers.
    for _ in 0..9 {
        assert!(ground.looks.failed_again(None) <= INTERVAL);
    }
    ground.answers.clear();
    ground.at(INTERVAL * 2);
    assert_eq!(ground.looks.failed, 0);
}

#[test]
fn a_registry_that_is_asked_too_often_is_left_alone() {
    let mut ground = Ground::new(&["1"]);
    let wait = Duration::from_secs(300);
    ground.answers.insert("1", Err(RegistryError::TooManyRequests(Some(wait))));
    assert_eq!(ground.at(Duration::ZERO), ["1"]);
    ground.looks.refresh(ground.start + MOMENT);
    assert!(ground.at(wait / 2).is_empty());
    assert_eq!(ground.at(wait), ["1"]);
}
