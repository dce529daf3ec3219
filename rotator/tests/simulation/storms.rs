//! Never a tight loop: whatever fails for however long, and whatever the clock does, the issuers and Vault are asked a
//! bounded number of times in any hour; and as soon as nothing fails any more, everybody gets a token.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use fastrand::Rng;
use tokenferry_rotator::dispatch::{Dispatch as _, Local};
use tokenferry_rotator::jumps::Jumps;
use tokenferry_rotator::rotation::RenewBefore;
use tokenferry_rotator::run::{
    Aftermath, Class, CredentialKey, Due, Living, Outcome, PastFailure, RotationId, Standing, Work,
};
use tokenferry_rotator::schedule::Schedule;
use tokenferry_rotator::scheduler::{Plan, Scheduler};
use tokenferry_sources::Timestamp;
use tokio::time::{Instant, sleep};

const ROTATIONS: u32 = 24;
const HOURS: u32 = 36;

#[tokio::test(start_paused = true)]
async fn whatever_fails_nobody_is_asked_in_a_tight_loop() {
    for (seed, clock) in (0..).zip([Clock::Goes, Clock::SetBackEachMinute, Clock::Jumps, Clock::Jumps]) {
        let world = Arc::new(World::new(seed, clock));
        Rotator::start(&world).go_on(HOURS).await;
        let state = world.state();
        // Where the clock hardly moves, few times of the schedules come.
        let least = if clock == Clock::SetBackEachMinute { 500 } else { 5_000 };
        assert!(state.logins.iter().flatten().count() > least, "{clock:?}");
        for kind in [Kind::Down, Kind::Limited, Kind::Lost, Kind::Partly, Kind::Refused, Kind::Short] {
            let asked = state.logins.iter().map(|logins| most_in_an_hour(logins, kind)).max().unwrap();
            // A clock that jumps a day takes a breaker along that was noted before a restart.
            let most = match kind {
                Kind::Refused if clock == Clock::Goes => 4,
                Kind::Refused => 12,
                Kind::Limited if clock == Clock::Goes => 60,
                Kind::Short => 720,
                _ => 90,
            };
            assert!((1..=most).contains(&asked), "{kind:?} with {clock:?}: {asked} logins in an hour");
        }
        let sealed = state.sealed.iter().map(|asked| within_an_hour(asked)).max().unwrap();
        assert!((1..=90).contains(&sealed), "{clock:?}: Vault was asked {sealed} times in an hour");
    }
}

#[tokio::test(start_paused = true)]
async fn once_nothing_fails_any_more_everybody_has_a_token_soon() {
    for seed in 10..14 {
        let world = Arc::new(World::new(seed, Clock::Jumps));
        let mut rotator = Rotator::start(&world);
        rotator = rotator.go_on(12).await;
        world.state().is_calm = true;
        // What was asked for is believed for a day, and a restart may reckon that by a clock that was put back.
        rotator.go_on(72).await;
        let state = world.state();
        let now = world.wall(&state);
        let dead = state.standings.iter().filter(|standing| {
            standing.living.is_none_or(|living| living.expires_at.is_some_and(|end| end <= now))
        });
        assert_eq!(dead.count(), 0, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_login_is_not_repeated_whenever_the_process_dies() {
    let mut at_the_worst_moment = 0;
    for quarter_secs in 1..=40 {
        let only = Some(Kind::Refused);
        let world = Arc::new(World { only, ..World::new(quarter_secs, Clock::Goes) });
        let mut rotator = Rotator::start(&world);
        let dies = Instant::now() + Duration::from_millis(250 * quarter_secs);
        while Instant::now() < dies {
            rotator.step(dies).await;
        }
        drop(rotator);
        Rotator::start(&world).go_on(1).await;
        for logins in &world.state().logins {
            // At most at once, after 15 minutes and after 30 more; once more where it died before the first was noted.
            assert!((1..=4).contains(&logins.len()), "{quarter_secs}: {logins:?}");
            let again = logins.get(1).is_some_and(|second| second.0 < logins[0].0 + Duration::from_mins(1));
            at_the_worst_moment += u32::from(again);
        }
    }
    assert!(at_the_worst_moment > 0);
}

/// What the wall clock does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Clock {
    Goes,
    SetBackEachMinute,
    Jumps,
}

/// What happens to the runs of a rotation for half an hour.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    /// The issuer cannot be reached, and a try takes until its timeout.
    Down,
    Fine,
    /// The issuer asks to come back: at once, in the past, soon, or next year.
    Limited,
    /// The token is issued, and the answer gets lost.
    Lost,
    /// One destination takes the token, and another does not.
    Partly,
    Refused,
    /// Vault is sealed: it is asked first, and nobody logs in.
    Sealed,
    /// Tokens live for a second.
    Short,
}

struct World {
    seed: u64,
    began: Instant,
    clock: Clock,
    /// All that ever happens.
    only: Option<Kind>,
    state: Mutex<State>,
}

struct State {
    random: Rng,
    is_calm: bool,
    /// How far the wall clock was set.
    set_by: TimeDelta,
    standings: Vec<Standing>,
    /// By rotation, which each have a credential of their own.
    logins: Vec<Vec<(Duration, Kind)>>,
    sealed: Vec<Vec<Duration>>,
    sent: Vec<bool>,
}

impl World {
    fn new(seed: u64, clock: Clock) -> Self {
        let all = ROTATIONS as usize;
        let state = State {
            random: Rng::with_seed(seed),
            is_calm: false,
            set_by: TimeDelta::zero(),
            standings: vec![Standing::default(); all],
            logins: vec![Vec::new(); all],
            sealed: vec![Vec::new(); all],
            sent: vec![false; all],
        };
        World { seed, began: Instant::now(), clock, only: None, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn wall(&self, state: &State) -> Timestamp {
        Timestamp::UNIX_EPOCH + TimeDelta::seconds(1_795_000_000) + self.began.elapsed() + state.set_by
    }

    fn kind(&self, state: &State, rotation: usize) -> Kind {
        if let Some(only) = self.only {
            return only;
        }
        let half_hour = self.began.elapsed().as_secs() / 1800;
        let mut random = Rng::with_seed(self.seed ^ (half_hour << 20) ^ ((rotation as u64) << 8));
        match random.u8(0..10) {
            _ if state.is_calm => Kind::Fine,
            0 => Kind::Down,
            1 => Kind::Limited,
            2 => Kind::Lost,
            3 => Kind::Refused,
            4 => Kind::Sealed,
            5 => Kind::Short,
            6 => Kind::Partly,
            _ => Kind::Fine,
        }
    }

    fn log_in(&self, due: &Due, kind: Kind) {
        let (state, rotation) = (&mut *self.state(), due.rotation.0 as usize);
        state.sent[rotation] = kind != Kind::Sealed;
        if state.sent[rotation] {
            state.logins[rotation].push((self.began.elapsed(), kind));
        }
    }

    /// What comes of a run, and what is noted of it.
    fn outcome(&self, due: &Due, kind: Kind) -> Outcome {
        let state = &mut *self.state();
        let (now, rotation, elapsed) = (self.wall(state), due.rotation.0 as usize, self.began.elapsed());
        if kind == Kind::Sealed {
            state.sealed[rotation].push(elapsed);
            return Outcome::Failed { class: Class::new("vault_sealed"), retry_at: None };
        }
        let failed = |name, retry_at| Outcome::Failed { class: Class::new(name), retry_at };
        let come_back = [-100, 0, 20, 400 * 86_400].map(|secs| now + TimeDelta::seconds(secs));
        let outcome = match kind {
            Kind::Down => failed("unreachable", None),
            Kind::Limited => failed("rate_limited", state.random.choice(come_back)),
            Kind::Lost => failed("timed_out", None),
            Kind::Partly => {
                let retry_at = state.random.choice(come_back);
                Outcome::Partly {
                    living: living(now, 3600),
                    class: Class::new("vault_forbidden"),
                    retry_at,
                    missed: 1,
                }
            }
            Kind::Refused => Outcome::Refused { class: Class::new("login_refused"), logins: None },
            Kind::Short => Outcome::Rotated(living(now, 1)),
            Kind::Fine | Kind::Sealed => Outcome::Rotated(living(now, 3600)),
        };
        note(&mut state.standings[rotation], due, &outcome, now);
        outcome
    }

    fn set_clock(&self, minute: u32) {
        let state = &mut *self.state();
        state.set_by += match self.clock {
            _ if state.is_calm => TimeDelta::zero(),
            Clock::SetBackEachMinute => TimeDelta::seconds(-59),
            Clock::Jumps if minute.is_multiple_of(97) => {
                TimeDelta::seconds(state.random.i64(-86_400..86_400))
            }
            Clock::Goes | Clock::Jumps => TimeDelta::zero(),
        };
    }
}

fn living(now: Timestamp, secs: i64) -> Living {
    Living { issued_at: now, expires_at: Some(now + TimeDelta::seconds(secs)), version: 1 }
}

/// As the runner notes it beside the entry.
fn note(standing: &mut Standing, due: &Due, outcome: &Outcome, now: Timestamp) {
    let refusals = standing.failure.as_ref().map_or(0, |failure| failure.refusals);
    let (class, lasting, retry_at) = match outcome {
        Outcome::AlreadyDone(living) | Outcome::Rotated(living) => {
            *standing = Standing { living: Some(*living), ..Standing::default() };
            return;
        }
        Outcome::Failed { class, retry_at } | Outcome::Partly { class, retry_at, .. } => {
            (class, false, *retry_at)
        }
        Outcome::Refused { class, .. } => (class, true, None),
    };
    standing.failure = Some(PastFailure {
        class: class.clone(),
        at: now,
        count: due.attempt,
        refusals: if class.is_refused_login() { refusals + 1 } else { 0 },
        lasting,
        retry_at,
        login_changed: false,
    });
}

#[async_trait]
impl Work for World {
    fn credential(&self, rotation: RotationId) -> CredentialKey {
        CredentialKey::of(&rotation.0.to_string())
    }

    async fn run(&self, due: &Due) -> Outcome {
        let (kind, takes) = {
            let state = &mut *self.state();
            let kind = self.kind(state, due.rotation.0 as usize);
            let millis = if kind == Kind::Down { 30_000 } else { state.random.u64(0..2_000) };
            (kind, Duration::from_millis(millis))
        };
        // A process may die between the login and the note.
        sleep(takes / 2).await;
        self.log_in(due, kind);
        sleep(takes / 2).await;
        self.outcome(due, kind)
    }

    fn aftermath(&self, rotation: RotationId) -> Aftermath {
        Aftermath { logins: self.state().sent[rotation.0 as usize].into(), ..Aftermath::default() }
    }
}

/// The daemon, with a world in place of Vault.
struct Rotator {
    world: Arc<World>,
    scheduler: Scheduler,
    dispatch: Local,
    jumps: Jumps,
}

impl Rotator {
    fn start(world: &Arc<World>) -> Self {
        let plan = |number: u32| Plan {
            name: format!("rotation-{number}").into(),
            schedule: Schedule::parse(["* * * * *", "@hourly", "@daily"][number as usize % 3], "UTC")
                .unwrap(),
            renew_before: RenewBefore::Percent(30),
            spread: Duration::from_mins(1),
            reader_lag: Duration::from_secs(if number.is_multiple_of(2) { 0 } else { 300 }),
            enabled: true,
            limit: None,
            login: None,
        };
        let mut scheduler = Scheduler::new((0..ROTATIONS).map(plan));
        let state = world.state();
        let now = world.wall(&state);
        for (id, standing) in (0..).map(RotationId).zip(&state.standings) {
            scheduler.learn(id, standing.clone(), now);
        }
        drop(state);
        let dispatch = Local::new(Arc::clone(world) as Arc<dyn Work>, 8);
        Rotator { world: Arc::clone(world), scheduler, dispatch, jumps: Jumps::since(now, Instant::now()) }
    }

    /// Once an hour or so the process dies in the middle of what it does.
    async fn go_on(mut self, hours: u32) -> Self {
        for minute in 0..hours * 60 {
            self.world.set_clock(minute);
            let end = Instant::now() + Duration::from_mins(1);
            while Instant::now() < end {
                self.step(end).await;
            }
            if self.world.state().random.u8(0..60) == 0 {
                self = Rotator::start(&self.world.clone());
            }
        }
        self
    }

    async fn step(&mut self, end: Instant) {
        let now = self.now();
        self.scheduler.due(now).into_iter().for_each(|due| self.dispatch.submit(due));
        let until = |wake: Timestamp| (wake - now).to_std().unwrap_or_default();
        let pause = self.scheduler.wake_at().map_or(Duration::from_secs(30), until);
        tokio::select! {
            ended = self.dispatch.ended() => {
                let now = self.now();
                self.scheduler.ended_with(&ended.due, &ended.outcome, ended.aftermath, now);
            }
            () = sleep(pause.min(end - Instant::now())) => {}
        }
    }

    fn now(&mut self) -> Timestamp {
        let now = self.world.wall(&self.world.state());
        if let Some(by) = self.jumps.look(now, Instant::now()) {
            self.scheduler.clock_was_set(by, now);
        }
        now
    }
}

fn most_in_an_hour(logins: &[(Duration, Kind)], kind: Kind) -> usize {
    let times: Vec<Duration> = logins.iter().filter(|login| login.1 == kind).map(|login| login.0).collect();
    within_an_hour(&times)
}

/// The most of these times that lie within an hour.
fn within_an_hour(times: &[Duration]) -> usize {
    let until = |time: Duration| times.partition_point(|other| *other < time + Duration::from_hours(1));
    times.iter().enumerate().map(|(first, time)| until(*time) - first).max().unwrap_or_default()
}
