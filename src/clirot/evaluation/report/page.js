"use strict";
(() => {
  const at = (id) => document.getElementById(id);
  const read = (name) => JSON.parse(at(`data-${name}`).textContent);
  const T = read("topics");
  const later = (name) => {
    let found;
    return () => (found ??= read(name));
  };
  // Large: read when the first topic is opened.
  const rankings = later("rankings"), documents = later("documents"), matches = later("matches");

  const FIRST = 50, STEP = 200, MOST_PRINTED = 500;
  const several = T.sets.length > 1;
  const others = T.systems.map((_, s) => s).filter((s) => s !== T.baseline);
  const compared = T.baseline !== null && others.length > 0;
  const state = {
    measure: T.leading, gainOf: others[0] ?? 0, find: "", set: "", sign: "",
    sort: compared ? `gain-${others[0]}` : "given", descending: true, shown: FIRST,
  };

  /** An element. Texts become text nodes, so that nothing in them is markup. */
  const make = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === null || value === undefined || value === false) continue;
      if (name === "on") for (const [event, act] of Object.entries(value)) made.addEventListener(event, act);
      else made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.filter((one) => one !== null && one !== undefined));
    return made;
  };
  const name = (text) => make("bdi", {}, text);
  const passage = (tag, kind, text, language) =>
    make(tag, { class: kind, dir: "auto", lang: language }, text);

  const value = (s, t, m = state.measure) => T.values[s][m][t];
  const gain = (s, t, m = state.measure) => {
    const here = value(s, t, m), there = value(T.baseline, t, m);
    return here === null || there === null ? null : here - there;
  };
  const shownValue = (v, m = state.measure) =>
    v === null ? "–" : T.counts[m] ? String(v) : v.toFixed(4);
  const shownGain = (g, m = state.measure) =>
    g === null ? "–" : g === 0 ? (T.counts[m] ? "0" : "0.0000")
      : (g > 0 ? "+" : "−") + (T.counts[m] ? Math.abs(g) : Math.abs(g).toFixed(4));
  const sign = (g) => (g === null ? "" : g > 0 ? "better" : g < 0 ? "worse" : "same");
  const tone = (g) => (g > 0 ? "up" : g < 0 ? "down" : "");

  // ---- the list of topics

  const keys = {
    given: (t) => t,
    id: (t) => T.ids[t],
    set: (t) => T.set[t],
  };
  const keyOf = (sort) => {
    const [kind, s] = sort.split("-");
    if (kind === "value") return (t) => value(+s, t);
    if (kind === "gain") return (t) => gain(+s, t);
    return keys[kind];
  };
  const byText = new Intl.Collator("en", { numeric: true }).compare;

  const listed = () => {
    const wanted = state.find.trim().toLocaleLowerCase();
    const rows = [];
    for (let t = 0; t < T.ids.length; t++) {
      if (state.set !== "" && T.set[t] !== +state.set) continue;
      if (state.sign && sign(gain(state.gainOf, t)) !== state.sign) continue;
      if (wanted && !T.ids[t].toLocaleLowerCase().includes(wanted)
        && !(T.texts[t] ?? "").toLocaleLowerCase().includes(wanted)) continue;
      rows.push(t);
    }
    const key = keyOf(state.sort), turn = state.descending ? -1 : 1;
    const compare = state.sort === "id" ? byText : (a, b) => a - b;
    const keyed = rows.map((t) => [key(t), t]);
    keyed.sort(([a, t], [b, u]) => {
      if (a === null || b === null) return (a === null) - (b === null) || t - u;
      return turn * compare(a, b) || t - u;
    });
    return keyed.map(([, t]) => t);
  };
  let rows = [];

  const sortable = (label, sort, attributes = {}, said = null) =>
    make("th", {
      scope: "col", ...attributes,
      "aria-sort": state.sort === sort ? (state.descending ? "descending" : "ascending") : null,
    }, make("button", {
      type: "button", "data-sort": sort, "aria-label": said,
      on: { click: () => {
        const words = sort === "id" || sort === "given" || sort === "set";
        state.descending = state.sort === sort ? !state.descending : !words;
        state.sort = sort;
        list(true);
        document.querySelector(`[data-sort="${sort}"]`).focus();
      } },
    }, label));

  const head = () => {
    const measure = T.measures[state.measure];
    const above = make("tr", {}, make("th", { colspan: several ? 2 : 1, "aria-hidden": "true" }));
    const below = make("tr", {}, sortable("Topic", "id"), several ? sortable("Topics", "set") : null);
    T.systems.forEach((system, s) => {
      const both = compared && s !== T.baseline;
      above.append(make("th", { scope: "colgroup", class: "name", colspan: both ? 2 : 1, title: system }, name(system)));
      below.append(sortable(measure, `value-${s}`, { class: "number" }, `${measure} of ${system}`));
      if (both) below.append(sortable("gain", `gain-${s}`, { class: "number" }, `gain of ${system}`));
    });
    at("list-head").replaceChildren(above, below);
  };

  const row = (t, widest) => {
    const set = T.sets[T.set[t]];
    const cells = [
      make("th", { scope: "row" },
        make("a", { class: "id", href: `#topic-${t}`, "data-topic": t }, name(T.ids[t])),
        T.texts[t] === null ? null : passage("span", "text", T.texts[t], set.topicLanguage)),
    ];
    if (several) cells.push(make("td", {}, name(set.name)));
    T.systems.forEach((_, s) => {
      cells.push(make("td", { class: "number" }, shownValue(value(s, t))));
      if (!compared || s === T.baseline) return;
      const g = gain(s, t), cell = make("td", { class: `number gain ${tone(g)}` }, shownGain(g));
      if (g) {
        cell.style.setProperty("--tint", `var(--${tone(g)})`);
        cell.style.setProperty("--share", Math.abs(g) / widest);
      }
      cells.push(cell);
    });
    return make("tr", {}, ...cells);
  };

  const widestGain = () => {
    let widest = 0;
    if (compared) for (const s of others) for (let t = 0; t < T.ids.length; t++) {
      widest = Math.max(widest, Math.abs(gain(s, t) ?? 0));
    }
    return widest || 1;
  };

  const list = (afresh) => {
    if (afresh) {
      state.shown = FIRST;
      rows = listed();
      head();
      at("list-body").replaceChildren();
    }
    const body = at("list-body"), widest = widestGain();
    const added = rows.slice(body.rows.length, state.shown).map((t) => row(t, widest));
    body.append(...added);
    let said = `${rows.length.toLocaleString("en")} of ${T.ids.length.toLocaleString("en")} topics`;
    if (rows.length === T.ids.length) said = `${rows.length.toLocaleString("en")} topics`;
    if (compared) {
      const counts = { better: 0, worse: 0, same: 0 };
      for (const t of rows) { const one = sign(gain(state.gainOf, t)); if (one) counts[one]++; }
      said += `: \u2068${T.systems[state.gainOf]}\u2069 is better on ${counts.better}, worse on ${counts.worse}, the same on ${counts.same}`;
    }
    const rest = rows.length - body.rows.length;
    if (rest > 0) said += `; the first ${body.rows.length} are listed`;
    at("listed").textContent = said;
    at("more").hidden = rest <= 0;
    at("more").textContent = `Show ${Math.min(STEP, rest)} more of ${rest.toLocaleString("en")}`;
    at("best").setAttribute("aria-pressed", state.sort === `gain-${state.gainOf}` && state.descending);
    at("worst").setAttribute("aria-pressed", state.sort === `gain-${state.gainOf}` && !state.descending);
  };

  const options = (id, texts, values) => {
    at(id).append(...texts.map((text, place) => make("option", { value: values[place] }, text)));
  };

  const startList = () => {
    options("of-set", ["all", ...T.sets.map((one) => one.name)], ["", ...T.sets.keys()]);
    options("measure", T.measures, [...T.measures.keys()]);
    options("gain-of", others.map((s) => T.systems[s]), others);
    at("set-label").hidden = !several;
    at("measure-label").hidden = T.measures.length < 2;
    at("gain-label").hidden = !compared || others.length < 2;
    at("sign-label").hidden = at("order-buttons").hidden = !compared;
    if (compared) at("caption-gain").append(", and its gain over ", name(T.systems[T.baseline]));
    at("measure").value = state.measure;
    at("find").addEventListener("input", () => { state.find = at("find").value; list(true); });
    at("of-set").addEventListener("change", () => { state.set = at("of-set").value; list(true); });
    at("sign").addEventListener("change", () => { state.sign = at("sign").value; list(true); });
    at("measure").addEventListener("change", () => { state.measure = +at("measure").value; list(true); });
    at("gain-of").addEventListener("change", () => {
      state.gainOf = +at("gain-of").value;
      if (state.sort.startsWith("gain-")) state.sort = `gain-${state.gainOf}`;
      list(true);
    });
    const first = (descending) => () => {
      state.sort = `gain-${state.gainOf}`;
      state.descending = descending;
      list(true);
    };
    at("best").addEventListener("click", first(true));
    at("worst").addEventListener("click", first(false));
    at("filters").addEventListener("submit", (event) => event.preventDefault());
    at("more").addEventListener("click", () => {
      const before = at("list-body").rows.length;
      state.shown = before + STEP;
      list(false);
      at("list-body").rows[before].querySelector("a").focus();
    });
    at("filters").hidden = at("list").hidden = false;
    list(true);
  };

  // ---- the view of a topic

  /** Where a code point is in a text, in the units of JavaScript's strings. */
  const unit = (text, point) => {
    let place = 0;
    for (let left = point; left > 0 && place < text.length; left--) {
      place += text.codePointAt(place) > 0xffff ? 2 : 1;
    }
    return place;
  };
  const highlights = typeof Highlight === "function" && CSS.highlights;

  const badge = (grade) => {
    if (grade === null || grade < 0) return make("span", { class: "badge" }, "not judged");
    if (grade < T.level) return make("span", { class: "badge" }, "judged not relevant" + (grade > 0 ? ` (${grade})` : ""));
    return make("span", { class: "badge relevant" }, grade > 1 ? `relevant (${grade})` : "relevant");
  };

  const documentText = (d, language) => {
    const D = documents(), text = D.texts[d];
    if (text === null) {
      const left = D.leftOut.includes(d);
      return [make("p", { class: "cut" }, left ? "Its text is not on the page, for want of room." : "Its text is not known.")];
    }
    const parts = [text.trim() ? passage("p", "passage", text, language) : make("p", { class: "cut" }, "It has no text.")];
    if (D.lengths[d]) parts.push(make("p", { class: "cut" }, `cut after ${Array.from(text).length.toLocaleString("en")} of ${D.lengths[d].toLocaleString("en")} characters`));
    return parts;
  };

  /** What a query token matched in a document: the text, the range that shows it, the similarity. */
  const pairsOf = (found, text, node) => {
    const pairs = [];
    for (let i = 0; i < found.length; i += 3) {
      const [start, length, similarity] = found.slice(i, i + 3);
      if (length === 0) { pairs.push({ text: start, similarity, range: null }); continue; }
      const from = unit(text, start), to = unit(text, start + length);
      let range = null;
      if (node) { range = new StaticRange({ startContainer: node, startOffset: from, endContainer: node, endOffset: to }); }
      pairs.push({ text: text.slice(from, to), similarity, range });
    }
    return pairs;
  };

  const pairTable = (tokens, pairs, pointed) => {
    const sum = pairs.reduce((all, one) => all + one.similarity, 0);
    return make("details", { class: "pairs" },
      make("summary", {}, `Token matches: ${pairs.length}, together ${sum.toFixed(3)}`, pointed),
      make("table", {},
        make("caption", { class: "unseen" }, "For each token of the topic the token of the document that is most like it"),
        make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "topic"), make("th", { scope: "col" }, "document"), make("th", { scope: "col", class: "number" }, "similarity"))),
        make("tbody", {}, ...pairs.map((one, i) => make("tr", {},
          make("th", { scope: "row" }, name(tokens[i])), make("td", {}, name(one.text)),
          make("td", { class: "number" }, one.similarity.toFixed(3)))))));
  };

  const ranking = (t, s, matched, all) => {
    const hits = rankings().hits[t][s], set = T.sets[T.set[t]];
    const section = make("section", { class: "ranking" }, make("h3", {}, name(T.systems[s])));
    if (hits === null) {
      section.append(make("p", { class: "quiet" }, "It was not run on these topics."));
      return section;
    }
    const figures = make("p", { class: "quiet" }, `${T.measures[state.measure]} ${shownValue(value(s, t))}`);
    if (compared && s !== T.baseline) {
      const g = gain(s, t);
      figures.append(", gain ", make("span", { class: tone(g) }, shownGain(g)));
    }
    section.append(figures);
    const other = T.read[t]?.[s];
    if (other !== undefined) section.append(make("p", { class: "quiet" }, "It read: ", make("bdi", {}, other)));
    const found = matched?.[s], why = matches().reasons[s]?.[T.set[t]], shown = [], notes = [];
    const items = [];
    for (let i = 0; i < hits.length; i += 3) {
      const [d, score, grade] = hits.slice(i, i + 3);
      const item = make("li", { class: grade !== null && grade >= T.level ? "hit relevant" : "hit" },
        make("div", { class: "hit-head" }, make("b", {}, String(i / 3 + 1)), name(documents().ids[d]),
          make("span", {}, String(score)), badge(grade)),
        ...documentText(d, set.documentLanguage));
      const pairs = found?.documents[d];
      if (pairs) {
        const text = documents().texts[d] ?? "";
        const read = pairsOf(pairs, text, item.querySelector(".passage")?.firstChild);
        shown.push(read);
        notes.push(make("span", { class: "pointed" }));
        item.append(pairTable(found.tokens, read, notes.at(-1)));
        all.push(...read.map((one) => one.range).filter(Boolean));
      }
      items.push(item);
    }
    if (found) section.append(tokenButtons(found.tokens, shown, notes, s));
    else if (why !== undefined) section.append(make("p", { class: "quiet" }, `No token matches: ${why}.`));
    section.append(hits.length ? make("ol", { class: "hits" }, ...items) : make("p", { class: "quiet" }, "It found nothing."));
    return section;
  };

  const tokenButtons = (tokens, shown, notes, s) => {
    let pinned = null;
    const point = (i) => {
      if (highlights) {
        if (i === null) CSS.highlights.delete("match");
        else {
          const strong = new Highlight(...shown.map((pairs) => pairs[i].range).filter(Boolean));
          strong.priority = 1;
          CSS.highlights.set("match", strong);
        }
      }
      notes.forEach((note, d) => {
        note.replaceChildren(...(i === null ? [] : [name(shown[d][i].text), ` ${shown[d][i].similarity.toFixed(2)}`]));
      });
    };
    const buttons = tokens.map((token, i) => make("button", {
      type: "button", "aria-pressed": "false",
      on: {
        mouseenter: () => point(i), focus: () => point(i),
        mouseleave: () => point(pinned), blur: () => point(pinned),
        click: () => {
          pinned = pinned === i ? null : i;
          buttons.forEach((one, j) => one.setAttribute("aria-pressed", j === pinned));
          point(pinned ?? i);
        },
      },
    }, name(token)));
    return make("div", { class: "tokens", role: "group", "aria-label": `Tokens of the topic, as ${T.systems[s]} reads it: each shows what it matched` }, ...buttons);
  };

  const figuresTable = (t) => make("div", { class: "wide" }, make("table", {},
    make("caption", { class: "unseen" }, "The values of this topic"),
    make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "Run"),
      ...T.measures.map((one) => make("th", { scope: "col", class: "number" }, one)))),
    make("tbody", {}, ...T.systems.map((system, s) => make("tr", {}, make("th", { scope: "row" }, name(system)),
      ...T.measures.map((_, m) => {
        const cell = make("td", { class: "number" }, shownValue(value(s, t, m), m));
        if (compared && s !== T.baseline) {
          const g = gain(s, t, m);
          if (g !== null) cell.append(" ", make("span", { class: tone(g) }, shownGain(g, m)));
        }
        return cell;
      }))))));

  const relevantTable = (t) => {
    const found = rankings().relevant[t], more = rankings().more[t] ?? 0, set = T.sets[T.set[t]];
    const count = found.length + more;
    return make("details", { class: "list-relevant" },
      make("summary", {}, `Relevant documents: ${count.toLocaleString("en")}`),
      make("div", { class: "wide" }, make("table", {},
        make("caption", {}, "At which rank each run has it" + (more ? `; the first ${found.length} of ${count}` : "")),
        make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "Document"), make("th", { scope: "col", class: "number" }, "Relevance"),
          ...T.systems.map((system) => make("th", { scope: "col", class: "number" }, name(system))))),
        make("tbody", {}, ...found.map(([d, grade, ...ranks]) => make("tr", {},
          make("th", { scope: "row" }, name(documents().ids[d]),
            documents().texts[d] === null ? null : passage("span", "text", documents().texts[d], set.documentLanguage)),
          make("td", { class: "number" }, String(grade)),
          ...ranks.map((rank) => make("td", { class: "number" }, rank === null ? "–" : String(rank)))))))));
  };

  const steps = (t) => {
    const place = rows.indexOf(t);
    const to = (u, text, rel) => (u === undefined ? null : make("a", { href: `#topic-${u}`, rel }, text));
    return make("nav", { class: "steps", "aria-label": "Topics" }, make("a", { href: "#topics", id: "back" }, "All topics"),
      to(rows[place - 1], "← Previous", "prev"), place < 0 ? null : to(rows[place + 1], "Next →", "next"));
  };

  const open = (t) => {
    const set = T.sets[T.set[t]];
    const title = make("h2", { tabindex: -1 }, "Topic ", name(T.ids[t]), ...(several ? [" of ", name(set.name)] : []));
    const matched = matches().found[t], all = [];
    const view = at("topic");
    const text = T.texts[t];
    const columns = make("div", { class: "rankings" }, ...T.systems.map((_, s) => ranking(t, s, matched, all)));
    const said = [];
    if (T.lengths[t]) said.push(`cut after ${Array.from(text).length} of ${T.lengths[t].toLocaleString("en")} characters`);
    view.replaceChildren(steps(t), title,
      text === null ? make("p", { class: "quiet" }, "The text of the topic is not known.") : passage("p", "asked", text, set.topicLanguage),
      ...said.map((one) => make("p", { class: "cut" }, one)),
      figuresTable(t), relevantTable(t),
      make("p", { class: "quiet" }, `The first ${rankings().shown} documents of each run. ` + (matched
        ? "Point at a token, or move to it with the Tab key, to see what it matched."
        : matches().topics.length ? "Token matches are on the page for the topics with the greatest gains and losses only." : "")),
      columns);
    if (highlights) {
      CSS.highlights.clear();
      CSS.highlights.set("matched", new Highlight(...all));
    }
    at("overview").hidden = true;
    view.hidden = false;
    document.title = `${T.ids[t].slice(0, 80)} – ${pageTitle}`;
    scrollTo({ top: 0, behavior: "instant" });
    title.focus({ preventScroll: true });
  };

  const pageTitle = document.title;
  let scrolled = 0, last = null;
  const go = () => {
    const found = /^#topic-(\d+)$/.exec(location.hash);
    if (found && +found[1] < T.ids.length) {
      if (last === null) scrolled = scrollY;
      last = +found[1];
      open(last);
      return;
    }
    const came = last;
    at("topic").hidden = true;
    at("topic").replaceChildren();
    at("overview").hidden = false;
    document.title = pageTitle;
    last = null;
    const aim = document.getElementById(location.hash.slice(1));
    if (aim?.tagName === "DETAILS") { aim.open = true; aim.querySelector("summary").focus(); }
    if (came === null) return;
    const link = document.querySelector(`a[data-topic="${came}"]`);
    if (location.hash === "#topics" && link) {
      scrollTo({ top: scrolled, behavior: "instant" });
      link.focus({ preventScroll: scrolled > 0 });
    } else aim?.scrollIntoView();
  };
  addEventListener("hashchange", go);
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && last !== null) location.hash = "#topics";
  });

  // ---- light and dark, and paper

  const themes = ["automatic", "light", "dark"];
  const dress = (theme) => {
    if (theme === "automatic") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    at("theme").textContent = `Theme: ${theme}`;
    at("theme").dataset.now = theme;
  };
  const kept = () => {
    try { return localStorage.getItem("clirot-theme"); } catch { return null; }
  };
  at("theme").addEventListener("click", () => {
    const next = themes[(themes.indexOf(at("theme").dataset.now) + 1) % themes.length];
    dress(next);
    try { localStorage.setItem("clirot-theme", next); } catch { /* a file may not keep anything */ }
  });
  dress(themes.includes(kept()) ? kept() : "automatic");
  at("theme").hidden = false;

  let opened = [];
  addEventListener("beforeprint", () => {
    if (last === null && state.shown < MOST_PRINTED) { state.shown = MOST_PRINTED; list(false); }
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const one of opened) one.open = true;
  });
  addEventListener("afterprint", () => { for (const one of opened) one.open = false; });

  startList();
  go();
})();
