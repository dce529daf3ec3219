//! One rotation: what is known of it, and what follows for its next run.

mod reckoning;

use std::time::Duration;

use chrono::TimeDelta;
use tokenferry_sources::Timestamp;

use super::{
    FLOOR, Failing, Held, HeldBy, LaneId, LoginId, Next, NotForced, Plan, Stage, View, backoff, moment,
    offset,
};
pub use reckoning::{Lift, Obstacle, Reckoning, Renewal};

use crate::run::{
    Aftermath, Class, Due, Living, Outcome, PastFailure, Reason, RefusedLogins, RotationId, Standing, Urgency,
};

/// A rotation with its state.
#[derive(Debug)]
pub(super) struct Job {
    plan: Plan,
    lane: Option<LaneId>,
    login: Option<LoginId>,
    offset: Duration,
    state: State,
    living: Option<Living>,
    failure: Option<Box<Failure>>,
    /// The planned time of the last run that brought a token: what was planned before it is done too.
    done: Option<Timestamp>,
    /// Not to begin before, as the floor wants it.
    rests_until: Timestamp,
}

#[derive(Debug)]
enum State {
    Disabled,
    InFlight,
    Planned(Next),
    Unknown,
}

/// The failures since the last success.
#[derive(Debug)]
struct Failure {
    class: Class,
    at: Timestamp,
    count: u32,
    /// How many of them, up to the last, were refused logins in a row.
    refusals: u32,
    /// Whether it was tried again because somebody else had got through to Vault.
    was_woken: bool,
    hold: Hold,
}

/// What has to come before the next try.
#[derive(Debug)]
enum Hold {
    /// A time of the schedule that is not before this, or a changed login.
    Change(Timestamp),
    /// This time; then the run that failed is tried again, or what is due then.
    Pause { until: Timestamp, asked: bool, run: Option<(Timestamp, Reason)> },
}

impl Job {
    pub(super) fn new(mut plan: Plan, lane: Option<LaneId>) -> Self {
        let login = plan.login.take();
        let offset = offset::of(&plan.name, plan.spread);
        let state = if plan.enabled { State::Unknown } else { State::Disabled };
        let rests_until = Timestamp::MIN_UTC;
        Job { plan, lane, login, offset, state, living: None, failure: None, done: None, rests_until }
    }

    /// Where it waits for the rate of its source, if that has one.
    pub(super) fn lane(&self) -> Option<LaneId> {
        self.lane
    }

    /// What it logs in with, if others may do so with the same.
    pub(super) fn login(&self) -> Option<LoginId> {
        self.login
    }

    /// The login that was refused to it, and until when that is held.
    pub(super) fn refusal(&self) -> Option<(LoginId, Timestamp)> {
        let failure = self.failure.as_ref().filter(|failure| failure.class.is_refused_login())?;
        match failure.hold {
            Hold::Change(until) => Some((self.login?, until)),
            Hold::Pause { .. } => None,
        }
    }

    pub(super) fn is_unknown(&self) -> bool {
        matches!(self.state, State::Unknown)
    }

    /// When the token was issued that readers find.
    pub(super) fn issued_at(&self) -> Option<Timestamp> {
        self.living.map(|living| living.issued_at)
    }

    pub(super) fn is_in_flight(&self) -> bool {
        matches!(self.state, State::InFlight)
    }

    pub(super) fn is_waiting_for_change(&self) -> bool {
        let lasting = self.failure.as_ref().is_some_and(|failure| matches!(failure.hold, Hold::Change(_)));
        lasting && !self.is_in_flight()
    }

    pub(super) fn next(&self) -> Option<Next> {
        match self.state {
            State::Planned(next) => Some(next),
            State::Disabled | State::InFlight | State::Unknown => None,
        }
    }

    /// What [`Due::urgency`] would say of its run, but the same at any time: whether a token is over by now does not
    /// change its place.
    pub(super) fn urgency(&self) -> Urgency {
        let end = self.living.map(|living| living.expires_at.unwrap_or(Timestamp::MAX_UTC));
        let was_over = |failure: &Failure| end.is_none_or(|end| end <= failure.at);
        let is_beyond_saving = self.failure.as_deref().is_some_and(was_over);
        let not_before = self.next().map_or(Timestamp::MAX_UTC, |next| next.at);
        (is_beyond_saving, end.unwrap_or(Timestamp::MIN_UTC), not_before)
    }

    /// What is known of it.
    pub(super) fn view(&self) -> View {
        let stage = match self.state {
            State::Disabled => Stage::Disabled,
            State::InFlight => Stage::InFlight,
            State::Planned(next) => Stage::Planned(next),
            State::Unknown => Stage::Unread,
        };
        let failing = self.failure.as_ref().map(|failure| {
            let Failure { class, at, count, .. } = &**failure;
            Box::new(Failing { class: class.clone(), at: *at, count: *count, held_until: failure.held() })
        });
        View { stage, living: self.living, failing }
    }

    /// What stands in its way on purpose.
    pub(super) fn held(&self, now: Timestamp) -> Option<Held> {
        if let State::Disabled = self.state {
            return Some(Held { by: HeldBy::Disabled, until: None });
        }
        let next = self.next().filter(|next| next.at > now)?;
        let by = match (&self.failure.as_ref()?.hold, self.failure.as_ref()?.class.is_refused_login()) {
            (Hold::Change(_), true) => HeldBy::Breaker,
            (Hold::Change(_), false) => HeldBy::LastingFailure,
            (Hold::Pause { until, .. }, _) if *until <= now => return None,
            (Hold::Pause { asked: true, .. }, _) => HeldBy::RetryAfter,
            (Hold::Pause { asked: false, .. }, _) => HeldBy::Backoff,
        };
        Some(Held { by, until: Some(next.at) })
    }

    /// What stands in its way because its login was refused to another one: a run that comes meanwhile is only told so.
    pub(super) fn held_with(&self, refused: &Job, now: Timestamp) -> Option<Held> {
        let (next, (_, until)) = (self.next()?, refused.refusal()?);
        let failure = refused.failure.as_deref().filter(|_| next.at < until && now < until)?;
        Some(Held { by: HeldBy::Breaker, until: Some(self.without_change(failure, until, now).at) })
    }

    pub(super) fn learn(&mut self, standing: Standing, now: Timestamp) {
        if let State::Disabled = self.state {
            return;
        }
        self.living = standing.living.map(|living| believable(living, now));
        self.failure = standing.failure.map(|failure| Box::new(self.recalled(failure, now)));
        self.plan_next(now);
    }

    /// Goes on under its own plan from what another one knows.
    pub(super) fn succeed(&mut self, former: Job, now: Timestamp) {
        let Job { plan, lane, login, offset, .. } = std::mem::replace(self, former);
        let is_replanned = plan != self.plan;
        (self.plan, self.lane, self.login, self.offset) = (plan, lane, login, offset);
        match &self.state {
            State::Disabled if self.plan.enabled => self.state = State::Unknown,
            State::Unknown if !self.plan.enabled => self.state = State::Disabled,
            State::Planned(_) if is_replanned => self.plan_next(now),
            State::Disabled | State::InFlight | State::Planned(_) | State::Unknown => {}
        }
    }

    /// The run that it was started for did not begin.
    pub(super) fn withdrawn(&mut self, now: Timestamp) {
        if self.is_in_flight() {
            self.plan_next(now);
        }
    }

    /// Somebody got through to Vault. That ends the wait once: where Vault stays away nevertheless, it may be so for this
    /// one alone, as a namespace is that is sealed.
    pub(super) fn wake(&mut self, now: Timestamp) {
        let waits = |failure: &&mut Box<Failure>| failure.class.is_vault_away() && !failure.was_woken;
        if let Some(failure) = self.failure.as_mut().filter(waits) {
            failure.was_woken = true;
            self.release(Class::is_vault_away, now);
        }
    }

    /// A failure need not be waited for any longer if what was to blame for it is over, unless the other side asked
    /// for that.
    pub(super) fn release(&mut self, is_over: fn(&Class) -> bool, now: Timestamp) {
        let Some(failure) = self.failure.as_mut().filter(|failure| is_over(&failure.class)) else {
            return;
        };
        match &mut failure.hold {
            Hold::Pause { until, asked: false, .. } => *until = now.min(*until),
            Hold::Pause { .. } => {}
            Hold::Change(_) => return self.login_changed(now),
        }
        if let State::Planned(_) = self.state {
            self.plan_next(now);
        }
    }

    /// Begins the run that is planned.
    pub(super) fn start(&mut self, rotation: RotationId, now: Timestamp) -> Option<Due> {
        let next = self.next()?;
        let deadline = self.living.and_then(|living| living.expires_at);
        let is_dead = self.living.is_none() || deadline.is_some_and(|end| end <= now);
        self.state = State::InFlight;
        Some(Due {
            rotation,
            occurrence: next.occurrence,
            reason: if is_dead && next.reason != Reason::Forced { Reason::NoToken } else { next.reason },
            attempt: self.failure.as_ref().map_or(0, |failure| failure.count).saturating_add(1),
            not_before: next.at,
            deadline,
        })
    }

    pub(super) fn ended(&mut self, due: &Due, outcome: &Outcome, aftermath: Aftermath, now: Timestamp) {
        if let Outcome::AlreadyDone(living) | Outcome::Rotated(living) | Outcome::Partly { living, .. } =
            outcome
        {
            self.living = Some(believable(*living, now));
            self.done = Some(due.occurrence);
        }
        self.living = self.living.filter(|_| !aftermath.ended_token);
        match outcome {
            Outcome::AlreadyDone(_) | Outcome::Rotated(_) => self.failure = None,
            Outcome::Failed { class, retry_at } | Outcome::Partly { class, retry_at, .. } => {
                let run = Some((due.occurrence, due.reason));
                let only_writes = aftermath.keeps_token && class.is_of_vault();
                let patience = self.patience(now).min(backoff::longest(only_writes));
                let failed = (class.clone(), now, due.attempt);
                let was_woken = self.failure.as_ref().is_some_and(|failure| failure.was_woken);
                let paused = self.paused(failed, *retry_at, run, patience);
                self.failure = Some(Box::new(Failure { was_woken, ..paused }));
            }
            Outcome::Refused { class, logins } => {
                let before = self.failure.as_ref().map_or(0, |failure| failure.refusals);
                let one_more = RefusedLogins { times: before.saturating_add(1), last: now };
                let RefusedLogins { times, last } = logins.unwrap_or(one_more);
                self.failure = Some(Box::new(refused(class.clone(), last.min(now), due.attempt, times)));
            }
        }
        self.rests_until = moment::after(now, FLOOR);
        self.plan_next(now);
    }

    pub(super) fn login_changed(&mut self, now: Timestamp) {
        if !self.is_waiting_for_change() {
            return;
        }
        let wanted = self.wanted(now);
        if let Some(failure) = &mut self.failure {
            // A run that was only asked for may have failed long before one is wanted.
            let run = Some((wanted.occurrence.min(failure.at), wanted.reason));
            failure.hold = Hold::Pause { until: now, asked: false, run };
        }
        self.plan_next(now);
    }

    pub(super) fn force(&mut self, now: Timestamp) -> Result<(), NotForced> {
        match self.state {
            State::Disabled => return Err(NotForced::Disabled),
            State::InFlight => return Err(NotForced::InFlight),
            State::Unknown => return Err(NotForced::Unknown),
            State::Planned(_) => {}
        }
        if let Some((failure, until)) =
            self.failure.as_ref().and_then(|failure| Some((failure, failure.held()?)))
            && until > now
        {
            return Err(NotForced::Held { class: failure.class.clone(), until });
        }
        let at = now.max(self.rests_until);
        self.state = State::Planned(Next { at, occurrence: now, reason: Reason::Forced });
        Ok(())
    }

    /// Reckons anew after the clock was set by so much. What was to be waited for is as far away as before, but for a
    /// backoff: the machine may have slept, and then it is long enough. Of a token the worst is believed: that its
    /// life was reckoned by the wrong clock if that makes it shorter, and by the right one else.
    pub(super) fn clock_was_set(&mut self, by: TimeDelta, now: Timestamp) {
        let back = by.min(TimeDelta::zero());
        self.rests_until = moment::shifted(self.rests_until, by).min(moment::after(now, FLOOR));
        self.done = self.done.map(|done| done.min(now));
        self.living = self.living.map(|living| believable(moved(living, back), now));
        if let Some(failure) = &mut self.failure {
            failure.at = moment::shifted(failure.at, by).min(now);
            match &mut failure.hold {
                Hold::Change(until) | Hold::Pause { until, asked: true, .. } => {
                    *until = moment::shifted(*until, by);
                }
                Hold::Pause { until, asked: false, .. } => *until = moment::shifted(*until, back),
            }
        }
        if let State::Planned(_) = self.state {
            self.plan_next(now);
        }
    }

    fn plan_next(&mut self, now: Timestamp) {
        if !self.plan.enabled {
            self.state = State::Disabled;
            return;
        }
        let next = match self.failure.as_ref().map(|failure| (failure, &failure.hold)) {
            None => self.wanted(now),
            Some((failure, Hold::Change(until))) => self.without_change(failure, *until, now),
            Some((_, Hold::Pause { until, run: Some((occurrence, reason)), .. })) => {
                Next { at: *until, occurrence: *occurrence, reason: *reason }
            }
            Some((_, Hold::Pause { until, run: None, .. })) => {
                let wanted = self.wanted(now);
                Next { at: wanted.at.max(*until), ..wanted }
            }
        };
        self.state = State::Planned(Next { at: next.at.max(self.rests_until), ..next });
    }

    /// The next try after a failure that lasts, if nobody changes the login: the next time of the schedule. Where that
    /// is far, a look now and then may save the readers: what somebody changed is not always the login.
    fn without_change(&self, failure: &Failure, until: Timestamp, now: Timestamp) -> Next {
        let tick = self.tick(failure.at.max(moment::before(until, self.offset)));
        let patience = self.patience(failure.at);
        let look_at = moment::after(failure.at, backoff::look_again(&failure.class, patience));
        let wanted = self.wanted(now);
        let look = Next { at: wanted.at.max(look_at), ..wanted };
        if look.at < tick.at { look } else { tick }
    }

    /// What is to be done if nothing has failed: the next time of the schedule or the end of the token, whichever
    /// comes first.
    fn wanted(&self, now: Timestamp) -> Next {
        let Some(living) = self.living else { return self.missing(now) };
        let tick = self.tick(self.settled(living));
        match self.renewal(living) {
            Some(renewal) if renewal.at < tick.at => renewal,
            _ => tick,
        }
    }

    /// Up to when all times of the schedule are done.
    fn settled(&self, living: Living) -> Timestamp {
        self.done.map_or(living.issued_at, |done| done.max(living.issued_at))
    }

    /// The first time of the schedule after `after`.
    fn tick(&self, after: Timestamp) -> Next {
        let occurrence = self.plan.schedule.next_after(after).unwrap_or(Timestamp::MAX_UTC);
        Next { at: moment::after(occurrence, self.offset), occurrence, reason: Reason::Schedule }
    }

    /// The run that the end of the token asks for. Its offset is at most half of the time that the token serves, or
    /// a wide spread would have a short-lived token replaced as soon as it is there.
    fn renewal(&self, living: Living) -> Option<Next> {
        let end = living.expires_at?;
        let life = moment::between(living.issued_at, end);
        let before = self.plan.renew_before.of(life);
        let occurrence = moment::before(end, before);
        let at = moment::before(occurrence, self.offset.min(life.saturating_sub(before) / 2));
        Some(Next { at, occurrence, reason: Reason::Expiry })
    }

    /// Without a token the run is for the last time of the schedule, which is the same for everybody who looks.
    fn missing(&self, now: Timestamp) -> Next {
        let since = self.failure.as_ref().map_or(now, |failure| failure.at);
        let occurrence = self.plan.schedule.last_until(since).unwrap_or(since);
        Next { at: now, occurrence, reason: Reason::NoToken }
    }

    /// A passing failure: when to try again.
    fn paused(
        &self,
        (class, at, count): (Class, Timestamp, u32),
        retry_at: Option<Timestamp>,
        run: Option<(Timestamp, Reason)>,
        patience: Duration,
    ) -> Failure {
        let backoff = moment::after(at, backoff::delay(&self.plan.name, count, patience));
        let asked = backoff::asked_to_wait(at, retry_at);
        // Who says when is asked again soon after that, however often it came to nothing.
        let backoff =
            if asked.is_some() { backoff.min(moment::after(at, backoff::LONGEST_ASKED)) } else { backoff };
        let asked = asked.filter(|asked| *asked > backoff);
        let hold = Hold::Pause { until: asked.unwrap_or(backoff), asked: asked.is_some(), run };
        Failure { class, at, count, refusals: 0, was_woken: false, hold }
    }

    /// How long the next try may be put off after a failure then.
    fn patience(&self, at: Timestamp) -> Duration {
        backoff::patience(self.living, self.plan.reader_lag, at)
    }

    /// A failure as noted in the entry. If it seems to be yet to come, the clock was put back since, and nobody knows
    /// how long ago it was: one try ends that, or each process that begins would hold it off anew.
    fn recalled(&self, past: PastFailure, now: Timestamp) -> Failure {
        let (at, count) = (past.at.min(now), past.count.max(1));
        if moment::between(now, past.at) > moment::CLOCK_TOLERANCE {
            let hold = Hold::Pause { until: at, asked: false, run: None };
            return Failure { class: past.class, at, count, refusals: past.refusals, was_woken: false, hold };
        }
        if !past.lasting {
            return self.paused((past.class, at, count), past.retry_at, None, self.patience(at));
        }
        if !past.login_changed {
            return refused(past.class, at, count, past.refusals);
        }
        let hold = Hold::Pause { until: at, asked: false, run: None };
        Failure { class: past.class, at, count, refusals: 0, was_woken: false, hold }
    }
}

impl Failure {
    /// Until when even those who ask for it do not get another try.
    fn held(&self) -> Option<Timestamp> {
        match self.hold {
            Hold::Change(until) if self.class.is_refused_login() => Some(until),
            Hold::Pause { until, asked: true, .. } => Some(until),
            Hold::Change(_) | Hold::Pause { .. } => None,
        }
    }
}

fn refused(class: Class, at: Timestamp, count: u32, refusals: u32) -> Failure {
    let refusals = if class.is_refused_login() { refusals.max(1) } else { 0 };
    let hold = Hold::Change(moment::after(at, backoff::held(&class, refusals)));
    Failure { class, at, count, refusals, was_woken: false, hold }
}

fn moved(living: Living, by: TimeDelta) -> Living {
    Living {
        issued_at: moment::shifted(living.issued_at, by),
        expires_at: living.expires_at.map(|end| moment::shifted(end, by)),
        ..living
    }
}

/// No token was issued later than now: by so much the clock of whoever noted that was ahead, and its end is nearer.
fn believable(living: Living, now: Timestamp) -> Living {
    let ahead = moment::between(now, living.issued_at);
    if ahead <= moment::CLOCK_TOLERANCE {
        return living;
    }
    let expires_at = living.expires_at.map(|end| moment::before(end, ahead));
    Living { issued_at: now, expires_at, ..living }
}
