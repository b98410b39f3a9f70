"""Data of one paper of each type, with all that it can show, and the least that is enough."""

from __future__ import annotations

from typing import Any

FIRM: dict[str, Any] = {
    "name": "Traf3li Legal Services Co.",
    "nameAr": "شركة ترافعلي للخدمات القانونية",
    "address": "7451 King Fahd Road\nRiyadh 12211",
    "addressAr": "طريق الملك فهد\nالرياض 12211",
    "vatNumber": "310123456700003",
    "crNumber": "1010123456",
    "phone": "+966 11 234 5678",
}
CLIENT: dict[str, Any] = {
    "name": "Al Noor Trading Establishment",
    "nameAr": "مؤسسة النور للتجارة",
    "address": "Prince Sultan Street\nJeddah 23435",
    "addressAr": "شارع الأمير سلطان\nجدة 23435",
}

RECEIPT: dict[str, Any] = {
    "receiptNumber": "RCP-2026-0077",
    "client": CLIENT,
    "seller": FIRM,
    "amount": "27226.25",
    "receivedDate": "2026-11-24",
    "paymentMethod": "bank_transfer",
    "reference": "SNB-9981723",
    "invoices": [
        {"invoiceNumber": "INV-2026-0142", "amount": 20000},
        {"invoiceNumber": "INV-2026-0150", "amount": "7226.25"},
    ],
    "purpose": "Legal fees for October and November 2026",
    "purposeAr": "أتعاب قانونية عن شهري أكتوبر ونوفمبر",
    "receivedBy": "Sara Al-Qahtani",
    "notes": "Thank you. هاتف +966 11 234 5678",
}

STATEMENT: dict[str, Any] = {
    "statementNumber": "STM-2026-11",
    "client": CLIENT,
    "seller": FIRM,
    "startDate": "2026-09-01",
    "endDate": "2026-11-24",
    "issueDate": "2026-11-24",
    "openingBalance": 1200,
    "transactions": [
        {"date": "2026-09-03", "description": "Invoice", "descriptionAr": "فاتورة",
         "reference": "INV-2026-0098", "debit": "15525.00"},
        {"date": "2026-09-28", "description": "Bank transfer", "descriptionAr": "تحويل بنكي",
         "reference": "SNB-118", "credit": "16725.00"},
        {"date": "2026-10-12", "description": "Invoice", "descriptionAr": "فاتورة",
         "reference": "INV-2026-0121", "debit": "4600.5"},
        {"date": "2026-11-02", "description": "Credit note", "descriptionAr": "إشعار دائن",
         "reference": "CN-2026-0004", "credit": "600.5"},
    ],
    "closingBalance": 4000,
    "payment": {"bankName": "SNB", "iban": "SA03 8000 0000 6080 1016 7519"},
    "notes": "Please pay within 30 days.",
}  # fmt: skip

CONTRACT: dict[str, Any] = {
    "contractNumber": "CON-2026-0031",
    "title": "Retainer agreement",
    "titleAr": "اتفاقية خدمات قانونية دورية",
    "parties": [
        {**FIRM, "role": "The firm", "roleAr": "الطرف الأول", "representative": "Omar Al-Harbi",
         "representativeAr": "عمر الحربي"},
        {**CLIENT, "role": "The client", "roleAr": "الطرف الثاني"},
    ],
    "contractDate": "2026-11-24",
    "startDate": "2026-12-01",
    "endDate": "2027-11-30",
    "value": 120000,
    "preamble": "The parties, being of full legal capacity, have agreed as follows.",
    "preambleAr": "اتفق الطرفان وهما بكامل أهليتهما المعتبرة شرعًا ونظامًا على ما يلي.",
    "clauses": [
        {"title": "Subject", "titleAr": "موضوع العقد",
         "text": "The firm advises the client on commercial matters, drafts and reviews its"
         " contracts, and represents it before the commercial courts.",
         "textAr": "يقدم الطرف الأول للطرف الثاني الاستشارات في المسائل التجارية، ويصوغ عقوده"
         " ويراجعها، ويمثله أمام المحاكم التجارية."},
        {"title": "Fees", "titleAr": "الأتعاب",
         "text": "The fees are SAR 10,000 a month, without VAT.\n\nThey are due on the first day"
         " of each month and paid within 15 days.",
         "textAr": "الأتعاب 10,000 ريال شهريًا غير شاملة ضريبة القيمة المضافة.\n\nوتستحق في اليوم"
         " الأول من كل شهر وتسدد خلال 15 يومًا."},
        {"title": "Termination", "titleAr": "إنهاء العقد",
         "text": "Either party may end this agreement with 60 days' notice in writing.",
         "textAr": "لأي من الطرفين إنهاء هذا العقد بإشعار كتابي قبل 60 يومًا."},
    ],
    "place": "Riyadh",
    "placeAr": "الرياض",
}  # fmt: skip

REPORT: dict[str, Any] = {
    "title": "Third quarter 2026",
    "titleAr": "الربع الثالث 2026",
    "subtitle": "Revenue and collection",
    "subtitleAr": "الإيرادات والتحصيل",
    "firm": FIRM,
    "startDate": "2026-07-01",
    "endDate": "2026-09-30",
    "issueDate": "2026-10-04",
    "figures": [
        {"label": "Revenue", "labelAr": "الإيرادات", "value": 482300.5, "currency": "SAR"},
        {"label": "Collected", "labelAr": "المحصل", "value": 391000, "currency": "SAR"},
        {"label": "New clients", "labelAr": "عملاء جدد", "value": 14},
        {"label": "Margin", "labelAr": "هامش الربح", "value": 31.5, "unit": "%"},
        {"label": "Best month", "labelAr": "أفضل شهر", "value": "September"},
    ],
    "sections": [
        {
            "title": "By month", "titleAr": "حسب الشهر",
            "text": "September made up for a quiet August.",
            "textAr": "عوّض شهر سبتمبر هدوء شهر أغسطس.",
            "columns": [
                {"label": "Month", "labelAr": "الشهر"},
                {"label": "Invoices", "labelAr": "الفواتير", "kind": "number"},
                {"label": "Revenue", "labelAr": "الإيرادات", "kind": "money"},
                {"label": "Change", "labelAr": "التغير", "kind": "percent"},
            ],
            "rows": [
                ["July", 31, 150200.25, None],
                ["August", 18, 98100.25, -34.7],
                ["September", 44, 234000, 138.5],
            ],
            "totals": ["Total", 93, 482300.5, None],
        },
        {"title": "Outlook", "titleAr": "التوقعات", "text": "Two retainers begin in October."},
    ],
    "notes": "Amounts are without VAT.",
}  # fmt: skip

TAX_INVOICE: dict[str, Any] = {
    "invoiceNumber": "INV-2026-0142",
    "seller": FIRM,
    "buyer": {**CLIENT, "vatNumber": "300987654300003"},
    "issueDate": "2026-11-24",
    "issueTime": "14:03:07",
    "vatRate": 15,
    "items": [
        {"description": "Contract review", "quantity": "12.5", "unitPrice": 850},
        {"description": "Court", "unitPrice": 14500, "discount": 1450},
    ],
}

#: The same in Arabic: ``{**RECEIPT, **ARABIC}``.
ARABIC = {"language": "ar"}
#: The least that is enough.
MINIMAL: dict[str, dict[str, Any]] = {
    "receipt": {"receiptNumber": "R-1", "clientName": "Client Name", "amount": 5000},
    "statement": {"clientName": "Client Name"},
    "contract": {"title": "Agreement", "parties": [{"name": "A"}, {"name": "B"}],
                 "clauses": [{"text": "They agree."}]},
    "report": {},
}  # fmt: skip
FULL: dict[str, dict[str, Any]] = {
    "receipt": RECEIPT,
    "statement": STATEMENT,
    "contract": CONTRACT,
    "report": REPORT,
}
