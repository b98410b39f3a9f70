"""Giving a job data: the editor of a job's, and the form of a new one, checked as one types."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static, TextArea

from jobdesk.redaction import is_secret
from jobdesk.safetext import safe_json, safe_line
from jobdesk.tui import editor, forms
from jobdesk.tui.commands.jobs import AddJob, EditJob
from jobdesk.tui.screens.dialog import Dialog
from jobdesk.tui.screens.dialogs import Choice
from jobdesk.tui.standing import stands
from jobdesk.tui.widgets.panel import Framed

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from jobdesk.models import Job, TypeInfo
    from jobdesk.tui.commands.base import Command

#: How long one rests before what was typed is checked.
CHECK_S = 0.15
_OPTIONS = (
    forms.FormField(name="priority", label="priority", kind="integer", hint="1 to 10"),
    forms.FormField(name="delay", label="delay", kind="number", hint="seconds"),
    forms.FormField(name="attempts", label="attempts", kind="integer", hint="1 to 100"),
    forms.FormField(name="job_id", label="id", kind="text", hint="chosen"),
)


class DataScreen(Dialog["Command | None"]):
    """What both share: faults, the command line and the buttons. Answers with a command."""

    BINDINGS: ClassVar = [
        Binding("ctrl+s", "save", "save", show=False, priority=True, id="data.save"),
        Binding("ctrl+e", "edit", "$EDITOR", show=False, priority=True, id="data.editor"),
        Binding("ctrl+t", "raw", "form or JSON", show=False, priority=True, id="data.raw"),
        Binding("escape", "leave", "leave it", show=False, id="data.leave"),
        Binding("tab", "app.focus_next", "next", show=False, id="data.next"),
        Binding("shift+tab", "app.focus_previous", "previous", show=False, id="data.previous"),
    ]
    WORDS: ClassVar[Mapping[str, str]] = {"yes": "^s  Save"}

    def __init__(self, schema: Mapping[str, Any] | None) -> None:
        super().__init__()
        self._schema = schema
        self._timer: Any = None

    # --- for the subclasses

    def fields(self) -> ComposeResult:
        """The part where one types."""
        yield from ()

    def data(self) -> tuple[dict[str, Any] | None, list[str]]:
        """What was typed, and what is wrong with it before any schema is asked."""
        raise NotImplementedError

    def command(self, data: dict[str, Any], button: str) -> Command:
        """The command that ``button`` gives."""
        raise NotImplementedError

    def heading(self) -> str:
        """What the border says."""
        raise NotImplementedError

    def keys(self) -> str:
        """The keys that work, for the border."""
        return "ctrl+s saves   ctrl+e $EDITOR   esc leaves it"

    # --- as it is drawn

    def compose(self) -> ComposeResult:
        with Framed(classes="dialog -wide") as box:
            box.border_title = safe_line(self.heading(), 90)
            box.border_subtitle = self.keys()
            yield from self.fields()
            yield Static(id="faults")
            yield Static(id="line", classes="command")
            with Horizontal(classes="buttons"):
                yield Choice("esc  Leave it", id="no")
                for name, label in self.WORDS.items():
                    yield Choice(label, id=name)

    def on_mount(self) -> None:
        self.call_after_refresh(self.check)

    def changed(self) -> None:
        """Something was typed."""
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(CHECK_S, self.check)

    def check(self) -> dict[str, Any] | None:
        """Say what is wrong, or which command does the same; the data when it is good."""
        if not stands(self):
            return None
        data, wrong = self.data()
        if data is not None and not wrong and self._schema is not None:
            from jobdesk.broker.operators.editing import faults

            wrong = [str(fault) for fault in faults(self._schema, data, 4)]
        good = data is not None and not wrong
        for name in self.WORDS:
            self.query_one(f"#{name}").disabled = not good
        width = max(40, self.size.width - 12)
        shown = [f"{safe_line(one, width)}" for one in wrong[:3]]
        if len(wrong) > 3:
            shown.append(f"… {len(wrong) - 3} more")
        self.query_one("#faults", Static).update(Content.styled("\n".join(shown), "$error"))
        self.query_one("#faults").display = bool(shown)
        line = self.query_one("#line", Static)
        line.display = good
        if good and data is not None:
            lines = map(self.in_shell, self.command(data, next(iter(self.WORDS))).lines)
            line.update(Content("\n".join(f"$ {safe_line(one, 2 * width)}" for one in lines)))
            return data
        return None

    def on_choice_pressed(self, event: Choice.Pressed) -> None:
        if event.choice.id == "no":
            self.dismiss(None)
        else:
            self._give(str(event.choice.id))

    def _give(self, button: str) -> None:
        data = self.check()
        if data is not None:
            self.dismiss(self.command(data, button))

    def action_save(self) -> None:
        self._give(next(iter(self.WORDS)))

    def action_leave(self) -> None:
        self.dismiss(None)

    def action_edit(self) -> None:
        area = self.query_one(TextArea)
        self.use(editor.edited(self.desk, area.text))

    def action_raw(self) -> None:
        """Only a form can be had in two ways."""

    def use(self, text: str | None) -> None:
        """Take what the editor made of the data."""
        if text is None:
            named = self.desk.settings.editor
            self.notify(
                f"{named} could not be used." if named else "Set EDITOR to edit elsewhere.",
                severity="warning", markup=False,
            )  # fmt: skip
            return
        self.query_one(TextArea).text = text.rstrip("\n")

    def on_text_area_changed(self) -> None:
        self.changed()

    def on_input_changed(self) -> None:
        self.changed()

    def on_input_submitted(self) -> None:
        self.app.action_focus_next()


class EditScreen(DataScreen):
    """The data of a job as JSON; ``again``: it has failed, and is to run once more."""

    AUTO_FOCUS = "TextArea"

    def __init__(
        self, job: Job, info: TypeInfo | None, *, again: bool, text: str | None = None
    ) -> None:
        super().__init__(None if info is None else info.schema)
        self._job = job
        self._again = again
        self._text = pretty(job.data) if text is None else text.rstrip("\n")
        if again:
            self.WORDS = {"yes": "^s  Save, run again", "only": "Only save"}  # type: ignore[misc]  # of this one

    def heading(self) -> str:
        again = ", and run it again" if self._again else ""
        return f"Edit {safe_line(self._job.id, 40)} of {self._job.queue}{again}"

    def fields(self) -> ComposeResult:
        area = TextArea(self._text, soft_wrap=True, tab_behavior="focus", id="raw")
        yield area

    def data(self) -> tuple[dict[str, Any] | None, list[str]]:
        return parsed(self.query_one(TextArea).text)

    def command(self, data: dict[str, Any], button: str) -> Command:
        return EditJob(
            self._job.queue, self._job.id, data, self._job.data,
            again=self._again and button == "yes",
        )  # fmt: skip


class AddScreen(DataScreen):
    """The form of a new job of a type, from its published schema; or the same as JSON."""

    AUTO_FOCUS = "Input, TextArea"
    WORDS: ClassVar[Mapping[str, str]] = {"yes": "^s  Add"}

    def __init__(
        self, info: TypeInfo, *, data: Mapping[str, Any] | None = None, origin: str = "",
        text: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(info.schema)
        self._info = info
        self._origin = origin
        self._given = dict(data or {})
        self._text = text
        self._fields: Sequence[forms.FormField] = forms.fields_of(info.schema) or ()
        names = {field.name for field in self._fields}
        #: typed as JSON: what the form has no field for cannot be shown in it
        self.raw = not self._fields or not set(self._given) <= names or text is not None

    def heading(self) -> str:
        of = f", made from {safe_line(self._origin, 30)}" if self._origin else ""
        return f"Add {self._info.name} to {self._info.queue}{of}"

    def keys(self) -> str:
        return "ctrl+s adds   ctrl+t form or JSON   ctrl+e $EDITOR   esc leaves it"

    def fields(self) -> ComposeResult:
        if self._info.doc:
            yield Static(Content.styled(safe_line(self._info.doc.splitlines()[0], 100), "$quiet"),
                         classes="example")  # fmt: skip
        with VerticalScroll(id="form", can_focus=False):
            wide = max((len(field.label) for field in (*self._fields, *_OPTIONS)), default=8)
            for field in self._fields:
                given = self._given.get(field.name)
                there = field.name in self._given
                yield _row(field, "f", wide, forms.text_of(field, given) if there else "")
        yield TextArea(
            self._text.rstrip("\n") if self._text is not None else pretty(self._given),
            soft_wrap=True, tab_behavior="focus", id="raw",
        )  # fmt: skip
        with Vertical(id="options"):
            with Horizontal():
                yield _row(_OPTIONS[0], "o", 9, "")
                yield _row(_OPTIONS[1], "o", 9, "")
            with Horizontal():
                yield _row(_OPTIONS[2], "o", 9, "")
                yield _row(_OPTIONS[3], "o", 9, "")

    def on_mount(self) -> None:
        self._show_kind()
        super().on_mount()

    def _show_kind(self) -> None:
        self.query_one("#form").display = not self.raw
        self.query_one("#raw").display = self.raw

    def action_raw(self) -> None:
        """The same data the other way."""
        data, _ = self.data()
        if self.raw:
            names = {field.name for field in self._fields}
            if data is None or not set(data) <= names:
                self.notify("It has fields that the form has not.", markup=False)
                return
            for field in self._fields:
                typed = forms.text_of(field, data[field.name]) if field.name in data else ""
                self.query_one(f"#f-{_slug(field.name)}", Input).value = typed
        else:
            self.query_one(TextArea).text = pretty(data or {})
        self.raw = not self.raw
        self._show_kind()
        if self.raw:
            self.query_one(TextArea).focus()
        elif self._fields:
            self.query_one(f"#f-{_slug(self._fields[0].name)}").focus()
        self.check()

    def action_edit(self) -> None:
        if not self.raw:
            self.action_raw()
        if self.raw:
            super().action_edit()

    def data(self) -> tuple[dict[str, Any] | None, list[str]]:
        _, unfit = self._options()
        if self.raw:
            data, wrong = parsed(self.query_one(TextArea).text)
            return data, wrong + unfit
        typed = {
            field.name: self.query_one(f"#f-{_slug(field.name)}", Input).value
            for field in self._fields
        }
        data, faults = forms.data_of(tuple(self._fields), typed)
        return data, [f"{name}: {text}" for name, text in faults.items()] + unfit

    def _options(self) -> tuple[dict[str, Any], list[str]]:
        from jobdesk.errors import BadInput
        from jobdesk.models import check_attempts, check_delay_ms, check_job_id, check_priority

        checks: dict[str, Any] = {
            "priority": check_priority, "delay": check_delay_ms,
            "attempts": check_attempts, "job_id": check_job_id,
        }  # fmt: skip
        found: dict[str, Any] = {}
        wrong: list[str] = []
        for field in _OPTIONS:
            text = self.query_one(f"#o-{_slug(field.name)}", Input).value.strip()
            if not text:
                continue
            try:
                found[field.name] = forms.value_of(field, text)
                checks[field.name](found[field.name])
            except (forms.NotAValue, BadInput) as exc:
                wrong.append(f"{field.label}: {exc}")
        return found, wrong

    def command(self, data: dict[str, Any], button: str) -> Command:  # noqa: ARG002  # there is one
        options, _ = self._options()
        return AddJob(self._info.queue, self._info.name, data, options, self._origin)


def pretty(data: Any) -> str:
    """Data as it is edited: everything, secrets too; what acts on a terminal as JSON's escapes."""
    return safe_json(json.dumps(data, ensure_ascii=False, indent=2))


def parsed(text: str) -> tuple[dict[str, Any] | None, list[str]]:
    """JSON that was typed, and what is wrong with it."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError as exc:
        return None, [f"line {exc.lineno}, column {exc.colno}: {exc.msg}"]
    except RecursionError:
        return None, ["it is nested too deeply"]
    if not isinstance(data, dict):
        return None, ['the data is a JSON object, as {"to": "a@example.com"}']
    return data, []


def _row(field: forms.FormField, kind: str, wide: int, typed: str) -> Horizontal:
    hint = field.hint
    if field.has_default and field.default not in (None, ""):
        hint = f"{json.dumps(field.default, ensure_ascii=False)}   {hint}"
    mark = "*" if field.required else " "
    label = Content.assemble(
        (safe_line(field.label, 24).ljust(min(wide, 24)), ""), (f"{mark} ", "$warning")
    )
    box = Input(typed, placeholder=safe_line(hint, 60), id=f"{kind}-{_slug(field.name)}",
                compact=True, password=is_secret(field.name))  # fmt: skip
    return Horizontal(Static(label, classes="label"), box, classes="form-row")


def _slug(name: str) -> str:
    """A field's name as part of a widget's id."""
    return "".join(char if char.isascii() and char.isalnum() else f"_{ord(char)}" for char in name)
