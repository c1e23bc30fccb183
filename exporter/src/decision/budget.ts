/**
 * The false-alarm budget as a bound on habits: a feature that keeps raising alarms is normal for this entity, so its bar rises until it raises no more
 * than the budget allows. Counted in alarm runs (rows at or above the feature's own limit, short pauses included), not rows, over a sliding window; alarm rows are never left out of the
 * count, because a pool without them sinks and alarms run away. A few alarms are always allowed: real faults come in small numbers.
 */

const WINDOW_MS = 3 * 86_400_000;
/** alarm runs in a window that are allowed whatever the budget */
const ALWAYS_ALLOWED = 3;
/** the bar is set this much above the peak it has to exceed */
const MARGIN = 1.05;
/** rows a run may pause before it counts as ended */
const PAUSE_ROWS = 30;
/** a run this many times as long as the longest one of the habit is no habit; short ones count as so many rows */
const OUTLASTS = 3;
const SHORTEST_RUN = 60;
/** peaks remembered for each series beyond those that are allowed */
const MEMORY = 32;

interface Habit {
  peaks: { time: number; peak: number; rows: number }[];
  /** the run under way: its highest deviation and the rows since it was last at the bar; peak 0 = none */
  peak: number;
  pause: number;
  /** rows of the run at or above 1 */
  rows: number;
  bar: number;
}

export interface BudgetSaved {
  habits: [column: number, habit: Habit][];
  opened: number[];
}

export interface Budget {
  /** the deviation (1 = the baseline's own limit) that this series must reach now; >= 1 */
  bar(series: number): number;
  /** tells the deviation of a row; call for every row in which the series is at or above 1, or its entity is watched */
  tell(series: number, time: number, deviation: number): void;
  /** whether any series of the entity has a habit: then `tell` must be called for all of them, however small the deviation */
  watching(entity: number): boolean;
  /** incidents opened by an entity are counted here */
  opened(entity: number, time: number): void;
  /** share of the entity's budget spent over the window, 1 = all of it */
  used(entity: number, time: number): number;
  save(entity: number): BudgetSaved;
  restore(entity: number, saved: BudgetSaved): void;
  forget(entity: number): void;
}

/** `incidentsPerDay` false incidents may open per entity and day. `series` = entity x columns + feature. */
export function createBudget(incidentsPerDay: number, columns: number): Budget {
  const habits = new Map<number, Habit>();
  /** habits of each entity that has any */
  const watched = new Map<number, number>();
  const opened = new Map<number, number[]>();
  const days = WINDOW_MS / 86_400_000;
  const allowed = Math.max(ALWAYS_ALLOWED, Math.round(incidentsPerDay * days));

  function settle(habit: Habit, time: number): void {
    habit.peaks = habit.peaks.filter((p) => time - p.time < WINDOW_MS && p.time <= time + 1000);
    const sorted = habit.peaks.map((p) => p.peak).sort((a, b) => b - a);
    habit.bar = sorted.length > allowed ? Math.max(1, MARGIN * sorted[allowed]) : 1;
  }

  function add(series: number, habit: Habit): void {
    const entity = Math.floor(series / columns);
    if (!habits.has(series)) watched.set(entity, (watched.get(entity) ?? 0) + 1);
    habits.set(series, habit);
  }

  function drop(series: number): void {
    if (!habits.delete(series)) return;
    const entity = Math.floor(series / columns);
    const left = (watched.get(entity) ?? 1) - 1;
    if (left === 0) watched.delete(entity);
    else watched.set(entity, left);
  }

  return {
    bar(series) {
      const habit = habits.get(series);
      if (!habit || habit.bar === 1) return 1;
      // a run that outlasts the habit by far is something else, however high its bar: a fault that stays must be told
      const usual = Math.max(SHORTEST_RUN, ...habit.peaks.map(({ rows }) => rows));
      return habit.rows > OUTLASTS * usual ? 1 : habit.bar;
    },
    watching: (entity) => watched.has(entity),
    tell(series, time, deviation) {
      let habit = habits.get(series);
      if (!habit) {
        if (!(deviation >= 1)) return;
        habit = { peaks: [], peak: 0, pause: 0, rows: 0, bar: 1 };
        add(series, habit);
      }
      // runs are counted at the series' own limit, not at the raised bar: what no longer alarms is still a habit
      if (deviation >= 1) {
        habit.peak = Math.max(habit.peak, deviation);
        habit.pause = 0;
        habit.rows++;
      } else if (habit.peak > 0 && ++habit.pause > PAUSE_ROWS) {
        // one row alone opens no incident, so it is no habit of opening them
        if (habit.rows >= 2 || habit.peak >= 2) habit.peaks.push({ time, peak: habit.peak, rows: habit.rows });
        if (habit.peaks.length > allowed + MEMORY) habit.peaks.shift();
        habit.peak = 0;
        habit.rows = 0;
        settle(habit, time);
      } else if (habit.peak === 0 && habit.peaks.length > 0 && time - habit.peaks[0].time >= WINDOW_MS) {
        settle(habit, time);
        if (habit.peaks.length === 0) drop(series);
      }
    },
    opened(entity, time) {
      const times = opened.get(entity) ?? [];
      times.push(time);
      opened.set(entity, times.filter((t) => time - t < WINDOW_MS).slice(-1000));
    },
    used(entity, time) {
      const times = opened.get(entity);
      if (!times) return 0;
      let recent = 0;
      for (const t of times) if (time - t < WINDOW_MS) recent++;
      return recent / (incidentsPerDay * days);
    },
    save(entity) {
      const own: [number, Habit][] = [];
      for (let j = 0; j < columns; j++) {
        const habit = habits.get(entity * columns + j);
        if (habit) own.push([j, habit]);
      }
      return { habits: own, opened: opened.get(entity) ?? [] };
    },
    restore(entity, saved) {
      for (const [j, habit] of saved.habits) add(entity * columns + j, structuredClone(habit));
      if (saved.opened.length > 0) opened.set(entity, [...saved.opened]);
    },
    forget(entity) {
      for (let j = 0; j < columns; j++) drop(entity * columns + j);
      opened.delete(entity);
    },
  };
}
