/*! <growth-waitlist>, <growth-referral>, <growth-survey>: MIT licensed, no dependency, no cookie.
 *
 * A page includes this one file and writes the elements; /docs/components says how. It evaluates
 * no text, styles by a constructed sheet, and so bears a strict Content-Security-Policy. It speaks
 * to /v1/public alone: with a write key, which reads nothing, or a token, which opens one thing.
 */
(() => {
  "use strict";

  const script = document.currentScript;
  const home = new URL("..", script && script.src ? script.src : document.baseURI).href;
  const LONGEST_WAIT = 15000;

  const looks = new CSSStyleSheet();
  looks.replaceSync(`
    :host {
      display: block; box-sizing: border-box; max-width: var(--growth-width, 32rem);
      font: var(--growth-font, 1rem/1.5 system-ui, sans-serif);
      color: var(--growth-text, #1f2937); background: var(--growth-background, #ffffff);
      padding: var(--growth-padding, 1.5rem); overflow-wrap: anywhere;
      border: var(--growth-border, 1px solid #d1d5db); border-radius: var(--growth-radius, 0.5rem);
    }
    :host([hidden]) { display: none; }
    * { box-sizing: border-box; }
    form, fieldset { margin: 0; padding: 0; border: 0; min-width: 0; }
    .title { margin: 0 0 1rem; padding: 0; font-size: 1.25em; font-weight: bold; line-height: 1.3; }
    p { margin: 0 0 1rem; }
    p:last-child { margin-bottom: 0; }
    .field, fieldset { margin: 0 0 1.25rem; }
    .name { display: block; margin: 0 0 0.375rem; padding: 0; font-weight: bold; }
    .name small { font-weight: normal; }
    input[type=email], input[type=text], textarea {
      display: block; width: 100%; min-height: 2.75rem; padding: 0.625rem 0.75rem;
      font: inherit; color: inherit; background: transparent;
      border: 1px solid var(--growth-line, #6b7280);
      border-radius: var(--growth-control-radius, 0.375rem);
    }
    textarea { min-height: 6rem; resize: vertical; }
    button {
      min-height: 2.75rem; padding: 0.625rem 1.25rem; font: inherit; font-weight: bold; cursor: pointer;
      color: var(--growth-accent-text, #ffffff); background: var(--growth-accent, #4338ca);
      border: 0; border-radius: var(--growth-control-radius, 0.375rem);
    }
    button[aria-disabled=true] { opacity: 0.7; cursor: progress; }
    :focus-visible, .scale input:focus-visible + span {
      outline: 3px solid var(--growth-focus, #b45309); outline-offset: 2px;
    }
    .title:focus { outline: none; }
    .row { display: flex; flex-wrap: wrap; gap: 0.5rem; margin: 0 0 1rem; }
    .row input { flex: 1 1 16rem; width: auto; min-width: 0; }
    .scale { display: flex; flex-wrap: wrap; gap: 0.375rem; }
    .scale label { position: relative; flex: 1 1 2.5rem; cursor: pointer; }
    .scale input { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0; cursor: pointer; }
    .scale span {
      display: block; padding: 0.5rem 0; text-align: center; font-weight: bold;
      border: 1px solid var(--growth-line, #6b7280); border-radius: var(--growth-control-radius, 0.375rem);
    }
    .scale input:hover + span { border-color: var(--growth-accent, #4338ca); }
    .scale input:checked + span {
      color: var(--growth-accent-text, #ffffff);
      background: var(--growth-accent, #4338ca); border-color: var(--growth-accent, #4338ca);
    }
    .ends { display: flex; justify-content: space-between; gap: 1rem; margin: 0.375rem 0 0; font-size: 0.875em; }
    .choice { display: flex; gap: 0.75rem; align-items: center; min-height: 2.75rem; cursor: pointer; }
    .choice input { flex: none; width: 1.375rem; height: 1.375rem; margin: 0; accent-color: var(--growth-accent, #4338ca); }
    .fault { color: var(--growth-fault, #991b1b); font-weight: bold; }
    .field > .fault, fieldset > .fault { margin: 0.375rem 0 0; }
    .number { font-size: 2.5em; font-weight: bold; line-height: 1; }
    .small { font-size: 0.875em; }
    .trap { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
    .told:empty { display: none; }
    .told { margin-top: 1rem; }
  `);

  /** Return an element; `about` holds its properties, and attributes under their own names. */
  function make(tag, about = {}, ...inner) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(about)) {
      if (value === undefined || value === null || value === false) continue;
      if (name in element && !name.includes("-")) element[name] = value;
      else element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...inner.filter((each) => each !== null && each !== undefined));
    return element;
  }

  /** What the server, or the way to it, says of a call that failed. */
  class Refusal extends Error {
    constructor(message, status, details = []) {
      super(message);
      this.status = status;
      this.details = details;
    }
  }

  class GrowthElement extends HTMLElement {
    static get observedAttributes() {
      return ["token", "slug", "key", "api"];
    }

    constructor() {
      super();
      this.attachShadow({ mode: "open" }).adoptedStyleSheets = [looks];
      this.place = make("div");
      this.told = make("div", { className: "told", role: "status", "aria-live": "polite" });
      this.shadowRoot.append(this.place, this.told);
    }

    connectedCallback() {
      this.begin();
    }

    attributeChangedCallback(name, before, after) {
      if (this.isConnected && before !== after) this.begin();
    }

    /** Draw anew, once for all that changed in one go; what comes late of an older turn is dropped. */
    begin() {
      const turn = (this.turn = (this.turn || 0) + 1);
      queueMicrotask(async () => {
        if (turn !== this.turn) return;
        this.told.replaceChildren();
        try {
          await this.draw(() => turn === this.turn);
        } catch (refusal) {
          if (!(refusal instanceof Refusal)) throw refusal;
          if (turn === this.turn) this.show(make("p", { className: "fault" }, refusal.message));
        }
      });
    }

    /** Return a text of the element: the page's own, from the attribute text-…, or ours. */
    text(name, values = {}) {
      const text = this.getAttribute(`text-${name}`) ?? this.constructor.texts[name] ?? texts[name];
      return text.replace(/\{(\w+)\}/g, (all, each) => values[each] ?? all);
    }

    /** Return the token: the attribute, or what the page's address has behind the #. */
    get secret() {
      return this.getAttribute("token") || behindHash().get(this.constructor.hash) || "";
    }

    show(...inner) {
      this.place.replaceChildren(...inner);
    }

    /** Show what came of it, and lead there who cannot see it. */
    finish(title, ...inner) {
      const heading = make("p", { className: "title", tabIndex: -1 }, title);
      this.show(heading, ...inner);
      heading.focus();
      this.say(title);
    }

    /** Let screen readers say it, without a second sight of it. */
    say(text) {
      this.told.className = "trap";
      this.told.textContent = text;
    }

    tell(name, detail) {
      this.dispatchEvent(new CustomEvent(`growth:${name}`, { bubbles: true, composed: true, detail }));
    }

    /** Call /v1/public, and return what it answers. */
    async call(path, { body, query } = {}) {
      const base = this.getAttribute("api") ? this.getAttribute("api").replace(/\/*$/, "/") : home;
      const url = new URL(`v1/public/${path}`, base);
      for (const [name, value] of Object.entries(query || {})) url.searchParams.set(name, value);
      const headers = { Accept: "application/json" };
      if (body) headers["Content-Type"] = "application/json";
      if (body && this.hasAttribute("key")) headers.Authorization = `Bearer ${this.getAttribute("key")}`;
      let response, answer;
      try {
        response = await fetch(url, {
          method: body ? "POST" : "GET",
          body: body && JSON.stringify(body),
          headers,
          credentials: "omit",
          referrerPolicy: "no-referrer",
          cache: "no-store",
          signal: AbortSignal.timeout(LONGEST_WAIT),
        });
        answer = await response.json();
      } catch {
        throw new Refusal(this.text("unreachable"), 0);
      }
      if (response.ok) return answer;
      const error = answer.error || {};
      throw new Refusal(error.message || this.text("unreachable"), response.status, error.details || []);
    }

    /** Send the form once at a time; what is refused stands beside its field, or above the button. */
    sends(form, button, send) {
      form.addEventListener("submit", async (event) => {
        event.preventDefault();
        if (button.ariaDisabled === "true") return;
        for (const old of form.querySelectorAll(".fault")) old.remove();
        for (const old of form.querySelectorAll("[aria-invalid]")) {
          old.removeAttribute("aria-invalid");
          old.removeAttribute("aria-describedby");
        }
        if (!this.isComplete(form)) return;
        button.ariaDisabled = "true";
        try {
          await send();
        } catch (refusal) {
          if (!(refusal instanceof Refusal)) throw refusal;
          this.refuse(form, button, refusal);
        } finally {
          button.ariaDisabled = "false";
        }
      });
    }

    /** Check what the browser can, in sentences that stay, and go to the first that is wrong. */
    isComplete(form) {
      const wrong = [...form.elements].filter((each) => each.willValidate && !each.checkValidity());
      const first = new Set();
      for (const each of wrong) {
        if (!first.has(each.name)) this.blame(each, each.validationMessage);
        first.add(each.name);
      }
      if (wrong.length) wrong[0].focus();
      return !wrong.length;
    }

    refuse(form, button, refusal) {
      const rest = [];
      let first = null;
      for (const { field, message } of refusal.details) {
        const control = field && form.elements[field.replace(/^answers\./, "q_")];
        const own = control instanceof RadioNodeList ? control[0] : control;
        if (!own) {
          if (message) rest.push(message);
          continue;
        }
        this.blame(own, message);
        first = first || own;
      }
      if (!first && !rest.length) rest.push(refusal.message);
      if (rest.length) {
        button.before(make("p", { className: "fault", role: "alert" }, rest.join(" ")));
      }
      if (first) first.focus();
    }

    blame(control, message) {
      const id = `fault-${control.name}`;
      const place = control.closest("fieldset") || control.closest(".field") || control.parentElement;
      place.append(make("p", { className: "fault", id, role: "alert" }, message));
      control.setAttribute("aria-invalid", "true");
      control.setAttribute("aria-describedby", id);
    }

    /** Return a link with a button that copies it, and one of the device's own ways to share. */
    share(url) {
      const input = make("input", { type: "text", readOnly: true, value: url, id: "share" });
      const copy = make("button", { type: "button" }, this.text("copy"));
      input.addEventListener("focus", () => input.select());
      copy.addEventListener("click", async () => {
        const isCopied = await copied(input, url);
        this.told.className = "told";
        this.told.replaceChildren(make("p", {}, this.text(isCopied ? "copied" : "uncopied")));
        if (isCopied) this.tell("copied", {});
      });
      const row = make("div", { className: "row" }, input, copy);
      if (navigator.share) {
        const hand = make("button", { type: "button" }, this.text("share"));
        hand.addEventListener("click", () => navigator.share({ url }).catch(() => {}));
        row.append(hand);
      }
      return [make("label", { className: "name", htmlFor: "share" }, this.text("link")), row];
    }
  }

  const texts = {
    unreachable: "We cannot be reached at the moment. Please try again.",
    optional: "(if you like)",
    link: "Your link",
    copy: "Copy",
    share: "Share",
    copied: "Copied. Send it to your friends.",
    uncopied: "The link is selected; copy it with your keyboard or menu.",
  };

  /** Copy the text, in whatever way the browser lets us. */
  async function copied(input, text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      input.focus();
      input.select();
      return document.execCommand("copy");
    }
  }

  /** Return what stands behind the # of the page's address, which no server gets to see. */
  function behindHash() {
    return new URLSearchParams(location.hash.slice(1));
  }

  function field(control, label, note) {
    const small = note ? [" ", make("small", {}, note)] : [];
    const name = make("label", { className: "name", htmlFor: control.id }, label, ...small);
    return make("div", { className: "field" }, name, control);
  }

  class GrowthWaitlist extends GrowthElement {
    static hash = "place";
    static texts = {
      title: "Join the waitlist",
      email: "Mail address",
      name: "Name",
      button: "Join the waitlist",
      verify_email: "Almost there",
      "verify_email-more": "We have sent you a mail. Press the button in it, and you have your place.",
      joined: "You are on the list",
      "joined-more": "We write to you as soon as there is room.",
      unknown_code: "The code of the invitation is not known on this list; you join without it.",
      position: "is your place.",
      next: "is your place: you are next.",
      friends: "{count} friends joined by your link.",
      friend: "One friend joined by your link.",
      none: "Each friend who joins by your link moves you up.",
      approved: "You are in!",
      pending: "Your address is not confirmed yet. Look into your mail.",
      rejected: "This place is not kept any more.",
    };

    async draw(isCurrent) {
      const slug = encodeURIComponent(this.getAttribute("slug") || "");
      if (!this.secret) return this.ask(slug);
      const place = await this.call(`waitlists/${slug}/status`, { query: { token: this.secret } });
      if (isCurrent()) this.stand(place);
    }

    ask(slug) {
      const email = make("input", {
        ...{ type: "email", id: "email", name: "email", required: true, maxLength: 320 },
        ...{ autocomplete: "email", inputMode: "email" },
      });
      const name = make("input", { type: "text", id: "name", name: "name", maxLength: 200, autocomplete: "name" });
      const trap = make("input", { type: "text", name: "website", tabIndex: -1, autocomplete: "off" });
      const button = make("button", { type: "submit" }, this.text("button"));
      const form = make(
        "form",
        { noValidate: true },
        make("p", { className: "title" }, this.text("title")),
        field(email, this.text("email")),
        this.hasAttribute("with-name") ? field(name, this.text("name"), this.text("optional")) : null,
        make("div", { className: "trap", "aria-hidden": "true" }, trap),
        button,
      );
      this.sends(form, button, async () => {
        const body = { email: email.value.trim(), website: trap.value, ...this.friend() };
        if (name.value.trim()) body.traits = { ...body.traits, name: name.value.trim() };
        const answer = await this.call(`waitlists/${slug}/entries`, { body });
        const { status, warnings = [] } = answer;
        const isUnknown = warnings.some((each) => each.startsWith("referral_code"));
        this.finish(
          this.text(status),
          make("p", {}, this.text(`${status}-more`)),
          isUnknown ? make("p", { className: "small" }, this.text("unknown_code")) : "",
        );
        this.tell("joined", { status, warnings });
      });
      this.show(form);
    }

    /** Return how the visitor came: by the code of somebody on the list, or by a referral's click. */
    friend() {
      const page = new URLSearchParams(location.search);
      const code = this.getAttribute("referral-code") || page.get("ref");
      const click = page.get("gclk");
      if (click) return { traits: { referral_click_id: click, ...(code && { referral_code: code }) } };
      return code ? { referral_code: code } : {};
    }

    stand({ status, position, referral_count: count, referral_url: url }) {
      if (position === null) {
        return this.show(make("p", { className: "title" }, this.text(status)));
      }
      const friends = { 0: "none", 1: "friend" }[count] || "friends";
      this.show(
        make(
          "p",
          {},
          make("span", { className: "number" }, position.toLocaleString()),
          ` ${this.text(position === 1 ? "next" : "position")}`,
        ),
        make("p", {}, this.text(friends, { count: count.toLocaleString() })),
        ...this.share(url),
      );
    }
  }

  class GrowthReferral extends GrowthElement {
    static hash = "share";
    static texts = {
      title: "Bring your friends",
      paused: "Nothing is given for bringing friends at the moment.",
      none: "Nobody has come by it yet.",
      clicks: "Clicks: {clicks} · Friends who count: {conversions}",
      missing: "Sign in to see your link.",
    };

    async draw(isCurrent) {
      if (!this.secret) return this.show(make("p", {}, this.text("missing")));
      const link = await this.call("referrals/link", { query: { token: this.secret } });
      if (!isCurrent()) return;
      const { url, active, clicks, conversions } = link;
      const counts = { clicks: clicks.toLocaleString(), conversions: conversions.toLocaleString() };
      this.show(
        make("p", { className: "title" }, this.text("title")),
        ...(active
          ? [...this.share(url), make("p", { className: "small" }, this.text(clicks ? "clicks" : "none", counts))]
          : [make("p", {}, this.text("paused"))]),
      );
    }
  }

  class GrowthSurvey extends GrowthElement {
    static hash = "survey";
    static texts = {
      button: "Send",
      yes: "Yes",
      no: "No",
      comment: "Your answer",
      kept: "Thank you",
      "kept-more": "Your answer has arrived. You can change it for a day.",
      changed: "Thank you",
      "changed-more": "Your answer was changed.",
      sample: "Thank you",
      "sample-more": "This is a sample: nothing of it is kept.",
      missing: "This question is for those who were invited.",
    };

    async draw(isCurrent) {
      if (!this.secret) return this.show(make("p", {}, this.text("missing")));
      const asked = await this.call("surveys/invitation", { query: { token: this.secret } });
      if (!isCurrent()) return;
      this.ask(asked);
    }

    ask(asked) {
      const said = asked.said || {};
      const given = this.getAttribute("score") ?? behindHash().get("score") ?? said.score ?? "";
      const button = make("button", { type: "submit" }, this.text("button"));
      const form = make("form", { noValidate: true });
      if (asked.scale) form.append(this.scale(asked, String(given)));
      else form.append(make("p", { className: "title", id: "question" }, asked.question));
      for (const each of asked.questions || []) {
        form.append(this.question(each, (said.answers || {})[each.id]));
      }
      if (asked.asks_comment) form.append(this.comment(asked, said.comment || ""));
      form.append(button);
      this.sends(form, button, async () => {
        const body = { token: this.secret, press: asked.press, ...this.answer(asked, form) };
        const { status } = await this.call("surveys/answers", { body });
        this.finish(this.text(status), make("p", {}, this.text(`${status}-more`)));
        this.tell("answered", { status });
      });
      this.show(form);
    }

    scale({ question, scale }, given) {
      const { min, max, low, high } = scale;
      const ends = { [min]: `${min}, ${low}`, [max]: `${max}, ${high}` };
      const set = this.numbers("score", min, max, given, true, ends);
      set.prepend(make("legend", { className: "title" }, question));
      set.append(
        make("p", { className: "ends", "aria-hidden": "true" }, make("span", {}, low), make("span", {}, high)),
      );
      return set;
    }

    /** Return radio buttons for whole numbers, which look like keys. */
    numbers(name, min, max, given, required, labels = {}) {
      const keys = [];
      for (let value = min; value <= max; value += 1) {
        const input = make("input", {
          ...{ type: "radio", name, value: String(value), required },
          ...{ checked: String(value) === given, "aria-label": labels[value] },
        });
        keys.push(make("label", {}, input, make("span", {}, String(value))));
      }
      return make("fieldset", {}, make("div", { className: "scale" }, ...keys));
    }

    question({ id, type, label, required, choices, scale }, given) {
      const name = `q_${id}`;
      const note = required ? [] : [" ", make("small", {}, this.text("optional"))];
      if (type === "text") {
        const area = make("textarea", { id: name, name, required, maxLength: 10000, value: given || "" });
        return field(area, label, required ? "" : this.text("optional"));
      }
      const legend = make("legend", { className: "name" }, label, ...note);
      const [min, max] = { nps: [0, 10], csat: [1, 5], rating: [1, scale || 5] }[type] || [];
      if (max) {
        const set = this.numbers(name, min, max, String(given ?? ""), required);
        set.prepend(legend);
        return set;
      }
      const options = type === "boolean" ? [["true", this.text("yes")], ["false", this.text("no")]] : choices.map((each) => [each, each]);
      const chosen = (Array.isArray(given) ? given : [given]).map(String);
      const kind = type === "multi" ? "checkbox" : "radio";
      const labels = options.map(([value, shown]) => {
        const must = required && kind === "radio";
        const input = make("input", { type: kind, name, value, required: must, checked: chosen.includes(value) });
        return make("label", { className: "choice" }, input, make("span", {}, shown));
      });
      return make("fieldset", {}, legend, ...labels);
    }

    comment({ follow_up: more, must_comment: required }, given) {
      const about = { id: "comment", name: "comment", required, maxLength: 10000, value: given };
      return field(make("textarea", about), more || this.text("comment"), required ? "" : this.text("optional"));
    }

    /** Return what the form says, as the API is told it. */
    answer({ scale, questions, asks_comment: asksComment }, form) {
      const data = new FormData(form);
      const told = {};
      if (scale) told.score = data.has("score") ? Number(data.get("score")) : null;
      if (asksComment) told.comment = data.get("comment").trim();
      if (questions) {
        const known = questions.filter(({ id }) => data.has(`q_${id}`));
        told.answers = Object.fromEntries(known.map((each) => [each.id, said(each, data)]));
      }
      return told;
    }
  }

  /** Return the answer to one question, as the API is told it. */
  function said({ id, type }, data) {
    const value = data.get(`q_${id}`);
    if (type === "multi") return data.getAll(`q_${id}`);
    if (type === "boolean") return value === "true";
    return ["nps", "csat", "rating"].includes(type) ? Number(value) : value.trim();
  }

  for (const [name, kind] of Object.entries({
    "growth-waitlist": GrowthWaitlist,
    "growth-referral": GrowthReferral,
    "growth-survey": GrowthSurvey,
  })) {
    if (!customElements.get(name)) customElements.define(name, kind);
  }
})();
