"""Words that stand in the tables, and how a report says them; what is not here is said as it is."""

from __future__ import annotations

from collections.abc import Mapping

from jobdesk.reports.model import Words

CATEGORIES = {
    "rent": Words("Rent", "الإيجار"),
    "salaries": Words("Salaries", "الرواتب"),
    "court fees": Words("Court fees", "الرسوم القضائية"),
    "software": Words("Software", "البرمجيات"),
    "translation": Words("Translation", "الترجمة"),
    "travel": Words("Travel", "السفر"),
    "experts": Words("Experts", "الخبراء"),
    "office": Words("Office", "مستلزمات المكتب"),
    "Commercial": Words("Commercial", "تجاري"),
    "Corporate": Words("Corporate", "شركات"),
    "Labour": Words("Labour", "عمالي"),
    "Real estate": Words("Real estate", "عقاري"),
    "Arbitration": Words("Arbitration", "تحكيم"),
    "Family": Words("Family", "أحوال شخصية"),
    "partner": Words("Partner", "شريك"),
    "senior associate": Words("Senior associate", "محامٍ أول"),
    "associate": Words("Associate", "محامٍ"),
    "paralegal": Words("Paralegal", "مساعد قانوني"),
    "transfer": Words("Transfer", "حوالة"),
    "card": Words("Card", "بطاقة"),
    "mada": Words("mada", "مدى"),
    "sadad": Words("SADAD", "سداد"),
    "cash": Words("Cash", "نقدًا"),
    "issued": Words("Issued", "صادرة"),
    "draft": Words("Draft", "مسودة"),
    "void": Words("Void", "ملغاة"),
    "open": Words("Open", "مفتوحة"),
    "closed": Words("Closed", "مغلقة"),
    "paid": Words("Paid", "مدفوع"),
    "failed": Words("Failed", "فشل"),
    "refunded": Words("Refunded", "مسترد"),
    "partially_refunded": Words("Partly refunded", "مسترد جزئيًا"),
    "pending": Words("Pending", "معلّق"),
    "company": Words("Company", "شركة"),
    "person": Words("Person", "فرد"),
}


def word_of(words: Mapping[str, Words], text: str) -> Words:
    """The text in both languages, as far as it is known."""
    return words.get(text) or Words(text, text)
